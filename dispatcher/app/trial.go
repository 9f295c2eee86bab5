package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Trial is one message, marked as a test, by which a channel is tried out. It goes to the provider from
// this process, with the configured adapter, and so past the lane and its rate limit; where a server runs
// on the data directory, its receipts are watched there. Nothing of it is kept in the ledger.
type Trial struct {
	Config  *Config
	Specs   []channels.Spec
	Version string
	// Channel and Address say where to. Provider is one of the channel's, "" is the first.
	Channel, Provider, Address string
	// Locale is the language of the message, "" the configured one.
	Locale string
	// Public allows it to be a post that everybody sees.
	Public bool
	// Wait is how long receipts are waited for; UntilRead waits for the recipient to have read it, where
	// the provider can tell.
	Wait      time.Duration
	UntilRead bool
	// Say is called for each thing that happens, one at a time.
	Say func(TrialState)

	account account
	signer  *notification.Signer
	running Endpoints
	message channels.Message
	id      notification.ID
}

// TrialState is something that happened to a trial.
type TrialState struct {
	// After is how long after it was given to the provider.
	After time.Duration
	// What is a state in the words of receipts, "unknown" for a message that may have gone out, or "note"
	// for what is to be known of how it is followed, which Detail tells.
	What, Detail string
}

// TrialEnd is how a trial ends.
type TrialEnd uint8

// The ends.
const (
	// TrialFailed: it was refused, or did not arrive.
	TrialFailed TrialEnd = iota
	// TrialArrived: it arrived, as far as the provider can tell.
	TrialArrived
	// TrialUnheard: the provider could tell, and has not.
	TrialUnheard
	// TrialUnfollowed: the provider will tell, and not here.
	TrialUnfollowed
)

// ErrPublic is Prepare's error for a post that everybody would see, if that was not allowed.
var ErrPublic = errors.New("a test message there is a post that everybody sees")

// Prepare checks everything that can be checked before anything is sent. Call Close after it, unless it
// fails.
func (t *Trial) Prepare() error {
	ch, err := t.channel()
	if err != nil {
		return err
	}
	if err := t.makeAccount(ch); err != nil {
		return err
	}
	switch kind := t.account.spec.Kind; {
	case kind == channels.Web:
		return errors.Join(fmt.Errorf("%s shows what is published, and sends nothing: there is nothing to try out", t.Channel), t.Close())
	case kind == channels.Social && !t.Public:
		return errors.Join(ErrPublic, t.Close())
	}
	if t.Address, err = t.normal(); err != nil {
		return errors.Join(err, t.Close())
	}
	key := t.Config.existingKey()
	if key == nil {
		key = []byte(newSecret()) // nobody will report to it
	}
	t.signer = notification.NewSigner(key)
	if e, err := ReadEndpoints(t.Config.DataDir); err == nil {
		t.running = e
	}
	if err := t.compose(time.Now()); err != nil {
		return errors.Join(err, t.Close())
	}
	return nil
}

// Close closes what Prepare has made.
func (t *Trial) Close() error { return t.account.sender.Close() }

// Through names the provider for people.
func (t *Trial) Through() string {
	if t.account.Name == t.account.spec.Title {
		return t.account.Name
	}
	return fmt.Sprintf("%s (%s)", t.account.Name, t.account.spec.Title)
}

func (t *Trial) channel() (*Channel, error) {
	var names []string
	for i := range t.Config.Channels {
		if ch := &t.Config.Channels[i]; ch.Name == t.Channel {
			return ch, nil
		}
		names = append(names, t.Config.Channels[i].Name)
	}
	return nil, fmt.Errorf("channel %q is not configured: one of %s", t.Channel, strings.Join(names, ", "))
}

func (t *Trial) makeAccount(ch *Channel) (err error) {
	var names []string
	for _, p := range ch.All() {
		if t.Provider == "" || t.Provider == p.Name {
			t.account, err = makeAccount(t.Config, p, t.Specs, t.Version)
			return err
		}
		names = append(names, p.Name)
	}
	return fmt.Errorf("channel %s has no provider %q: one of %s", t.Channel, t.Provider, strings.Join(names, ", "))
}

// normal checks the address as an import would.
func (t *Trial) normal() (string, error) {
	checker, err := Checker(t.Config, t.Specs)
	if err != nil {
		return "", err
	}
	r := audience.Recipient{ID: "test", Addresses: audience.Addresses{{Channel: t.Channel, Address: t.Address}}}
	if faults := checker.Check(&r); len(faults) > 0 {
		return "", fmt.Errorf("the address %s", faults[0].Reason)
	}
	return r.Address(t.Channel), nil
}

// trialText is what test messages say in a language: the text takes the organisation, and the time, which
// tells one from the next.
func trialText(locale string) (subject, text string) {
	switch locale {
	case "ro":
		return "Test: nu s-a întâmplat nimic", "Test: mesaj de probă de la %s, trimis la %s. Nu s-a întâmplat nimic."
	case "ru":
		return "Тест: ничего не случилось", "Тест: пробное сообщение, %s, отправлено в %s. Ничего не случилось."
	}
	return "Test: nothing has happened", "Test: a trial message of %s, sent at %s. Nothing has happened."
}

// trialIDs are above those of all notifications, so that no receipt is taken for one of theirs.
const trialIDs = math.MaxInt64 - 1<<40

// compose makes the message.
func (t *Trial) compose(now time.Time) error {
	zone, err := time.LoadLocation(t.Config.Zone)
	if err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	r, err := newRenderer(t.Config)
	if err != nil {
		return err
	}
	locale := t.Locale
	if locale == "" {
		locale = t.Config.Locale
	}
	locale = r.Locale(locale)
	subject, text := trialText(locale)
	organisation := t.Config.Organisation[locale]
	if organisation == "" {
		organisation = "Tocsin"
	}
	var topic [16]byte
	for i := range topic {
		topic[i] = byte(rand.Uint32())
	}
	t.id = notification.ID{Notification: trialIDs + rand.Int64N(1<<40)}
	t.message = channels.Message{
		Ref: t.signer.Ref(t.id), Address: t.Address, Locale: locale, Subject: subject,
		Text: fmt.Sprintf(text, organisation, now.In(zone).Format("15:04:05")), UsefulFor: t.Config.UsefulFor, Topic: hex.EncodeToString(topic[:]),
	}
	return nil
}

// Run sends the message and follows it.
func (t *Trial) Run(ctx context.Context) (TrialEnd, error) {
	ctx, cancel := context.WithCancel(ctx)
	f := t.follow(ctx)
	defer func() {
		cancel()
		f.watching.Wait()
	}()
	f.begun = time.Now()
	ack, err := t.send(ctx)
	if err != nil {
		e := channels.AsError(err)
		if e.Class != channels.Unknown {
			f.say("failed", e.Error())
			return TrialFailed, ctx.Err()
		}
		f.say("unknown", "it may have gone out: "+e.Error())
	} else {
		f.accepted(ack)
	}
	return f.end(ctx, ack), ctx.Err()
}

func (t *Trial) send(ctx context.Context) (channels.Ack, error) {
	ctx, cancel := context.WithTimeout(ctx, t.account.limits.Timeout)
	defer cancel()
	return t.account.sender.Send(ctx, t.message)
}
