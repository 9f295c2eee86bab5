package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/strictyaml"
)

// Checkup says what is to be looked at, and how.
type Checkup struct {
	Config  *Config
	Specs   []channels.Spec
	Version string
	// Channel is the only one to look at; "" looks at all, and at the installation.
	Channel string
	// Timeout bounds each check.
	Timeout time.Duration
	// Progress, if set, is called after each check.
	Progress func(done, total int)
}

// checkup is one under way.
type checkup struct {
	Checkup
	// running is the server on the data directory; serving says whether there is one.
	running Endpoints
	serving bool
	signer  *notification.Signer // nil where the installation has no key yet
	opened  []configured
}

// The groups of findings that belong to no channel.
const (
	installation = "installation"
	directory    = "directory"
)

// Examine looks at the configuration and at everything that it names: providers, webhooks, stores, the
// directory. It sends nothing to anybody and changes nothing. A server may be running on the data
// directory or not; where one does, more can be said.
func Examine(ctx context.Context, c Checkup) []doctor.Finding {
	x := &checkup{Checkup: c}
	x.look()
	defer func() {
		for i := range x.opened {
			_ = x.opened[i].close() // nothing was sent that could be lost
		}
	}()
	var checks []doctor.Check
	if x.Channel == "" {
		checks = append(checks, x.installation()...)
	}
	for _, ch := range x.Config.Channels {
		if x.Channel == "" || x.Channel == ch.Name {
			checks = append(checks, x.channel(ch)...)
		}
	}
	if x.Channel == "" {
		checks = append(checks, x.directory()...)
	}
	return doctor.Run(ctx, checks, x.Timeout, x.Progress)
}

// look finds out what several checks need.
func (x *checkup) look() {
	if e, err := ReadEndpoints(x.Config.DataDir); err == nil {
		x.running, x.serving = e, true
	}
	if key := x.Config.existingKey(); len(key) > 0 {
		x.signer = notification.NewSigner(key)
	}
}

// existingKey is the key that signs references, nil where it is still to be made.
func (c *Config) existingKey() []byte {
	if c.Key != "" {
		return []byte(c.Key.Reveal())
	}
	key, err := os.ReadFile(filepath.Join(c.DataDir, "secret"))
	if err != nil {
		return nil
	}
	return key
}

// channel lists the checks of one channel's providers.
func (x *checkup) channel(ch Channel) []doctor.Check {
	one, err := makeSender(x.Config, ch, x.Specs, x.Version)
	if err != nil {
		return []doctor.Check{said(ch.Name, "configuration", faults(err)...)}
	}
	x.opened = append(x.opened, one)
	c := &x.opened[len(x.opened)-1]
	var checks []doctor.Check
	for i := range c.accounts {
		p := &c.accounts[i]
		checks = append(checks, x.provider(ch.Name, p), x.webhook(ch.Name, p))
	}
	return append(checks, said(ch.Name, "accounts", x.accountLocales(ch)...), said(ch.Name, "own domains", x.settingsInside(c)...))
}

// said is a check whose findings are known already.
func said(group, about string, found ...doctor.Finding) doctor.Check {
	return doctor.Check{Group: group, About: about, Look: func(context.Context) []doctor.Finding { return found }}
}

// faults makes a finding of every error that was joined.
func faults(err error) []doctor.Finding {
	var found []doctor.Finding
	for line := range strings.Lines(err.Error()) {
		found = append(found, doctor.Finding{Level: doctor.Fault, Text: strings.TrimSpace(line), Mend: "correct the configuration; `tocsin check` looks at it alone"})
	}
	return found
}

// provider asks one provider whether it works and our credentials hold, and compares its clock with ours.
func (x *checkup) provider(channel string, p *account) doctor.Check {
	c := doctor.Check{Group: channel, Subject: p.Name, About: "credentials"}
	watch := doctor.NewWatch(httpClient(p.limits.Concurrency).Transport, time.Now)
	if err := p.remake(x.Config, channels.Env{HTTP: &http.Client{Transport: watch}, UserAgent: "tocsin/" + x.Version}); err != nil {
		return said(channel, "configuration", faults(err)...)
	}
	prober, ok := p.sender.(channels.Prober)
	if !ok {
		return said(channel, "credentials", doctor.Finding{
			Subject: p.Name, Level: doctor.Unchecked, Text: p.spec.Title + " can't be asked without sending something",
			Mend: fmt.Sprintf("try it: tocsin send-test %s ADDRESS", channel),
		})
	}
	c.Look = func(ctx context.Context) []doctor.Finding {
		defer watch.CloseIdleConnections()
		begun := time.Now()
		err := prober.Probe(ctx)
		f := probed(p, err)
		if err == nil {
			f.Text += fmt.Sprintf(" (%d ms)", time.Since(begun).Milliseconds())
		}
		return append([]doctor.Finding{f}, watch.Findings()...)
	}
	return c
}

// remake makes the account's sender anew, in other surroundings.
func (a *account) remake(c *Config, env channels.Env) error {
	if err := a.sender.Close(); err != nil {
		return err
	}
	sender, err := a.spec.New(strictyaml.Decoder(c.place(), a.Settings, a.key+".settings"), env)
	if err == nil {
		a.sender = sender
	}
	return err
}

// probed says what a probe's error means, and what to do about it.
func probed(p *account, err error) doctor.Finding {
	if err == nil {
		return doctor.Finding{Level: doctor.OK, Text: "the provider answers and takes them"}
	}
	e := channels.AsError(err)
	f := doctor.Finding{Level: doctor.Fault}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.About, f.Text = "reachability", "the provider does not answer in time"
		f.Mend = "see the provider's status page; give the check longer with --timeout"
	case e.Class == channels.Auth:
		f.Text = fmt.Sprintf("the provider refuses us: %v", e)
		f.Mend = fmt.Sprintf("correct the credentials in %s.settings, or the account at the provider: %s", p.key, p.spec.Docs)
	case e.Class == channels.RateLimited:
		f.Level, f.About, f.Text = doctor.Warning, "reachability", fmt.Sprintf("the provider says that we ask too fast: %v", e)
		f.Mend = fmt.Sprintf("look again later; if it stays so, lower %s.rate", p.key)
	case e.Class == channels.Unavailable || e.Class == channels.Unknown:
		f.About, f.Text = "reachability", fmt.Sprintf("the provider can't be reached, or is out of order: %v", e)
		f.Mend = fmt.Sprintf("see the provider's status page, this machine's way out (DNS, firewall, proxy), and the address in %s.settings", p.key)
	default:
		f.Text = fmt.Sprintf("the provider does not take our question: %v", e)
		f.Mend = fmt.Sprintf("compare %s.settings with %s", p.key, p.spec.Docs)
	}
	return f
}

// accountLocales warns of public accounts in a language that there are no texts in.
func (x *checkup) accountLocales(ch Channel) []doctor.Finding {
	r, err := newRenderer(x.Config)
	if err != nil {
		return nil // said of the texts
	}
	var found []doctor.Finding
	for _, a := range ch.Accounts {
		if language, _, _ := strings.Cut(a.Locale, "-"); a.Locale != "" && !slices.Contains(r.Locales(), language) {
			found = append(found, doctor.Finding{
				Level: doctor.Warning, Text: fmt.Sprintf("%s: there are no texts in %q; posts will be in %q", a.Address, a.Locale, r.Locale(a.Locale)),
				Mend: "use one of " + strings.Join(r.Locales(), ", "),
			})
		}
	}
	return found
}
