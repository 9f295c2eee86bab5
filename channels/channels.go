// Package channels is the contract between Tocsin and the ways in which it can reach people.
//
// A channel is a way to reach somebody ("sms", "email", "viber", …). Behind a channel stands a
// provider, and the code that speaks a provider's protocol is its adapter. An adapter is one folder
// below its kind (channels/sms/twilio), gives one [Spec] value, and is listed once, in channels/all.
//
// # What an adapter does
//
// The core of the contract is one method, [Sender.Send]: give one message to the provider, and say
// what became of it: an [Ack], or an [*Error] of one [Class]. Adapters never retry, sleep, log or
// keep a queue: the lane that calls them does that, for all of them in the same way. What only some
// providers can do is an optional interface that the adapter's Sender may implement as well:
//
//   - [CallbackParser]: the provider calls a webhook: it reports what became of a message, or passes
//     on what a recipient answered
//   - [Replier]: what a recipient answered can be replied to in the answer to that call
//   - [WebhookRegistrar]: the provider must be told where to send those reports
//   - [WebhookInspector]: the provider says where it sends them
//   - [Preparer]: there is something to lay out before the first message
//   - [Prober]: the provider can be asked whether it works, without sending anything
//   - [Measurer]: the cost of a text can be counted before it is sent
//   - [Inquirer]: the provider can be asked what became of a message
//   - [Recaller]: the provider can take a message back
//   - [BulkSender]: the provider takes one message for many recipients in one call
//   - [Listener]: what became of messages is heard in another way than by webhook
//
// The suite in channels/channeltest checks everything that this page promises.
//
// This package imports the standard library only.
package channels

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Kind groups channels that carry the same sort of text.
type Kind string

// The kinds. Texts are written per kind; limits and receipts are a provider's own.
const (
	SMS       Kind = "sms"
	Email     Kind = "email"
	Messenger Kind = "messenger"
	Social    Kind = "social"
	Web       Kind = "web"
	Push      Kind = "push"
	Voice     Kind = "voice"
)

// Proof says how sure we are that a message arrived. Proofs are ordered: a later one implies the
// earlier ones.
type Proof uint8

// The proofs, weakest first.
const (
	NoProof   Proof = iota // nothing known
	Accepted               // the provider took it
	Delivered              // it is on the recipient's device or in the recipient's mailbox
	Read                   // the recipient has seen it
)

var proofNames = [...]string{"none", "accepted", "delivered", "read"}

func (p Proof) String() string { return proofNames[p] }

// MarshalText writes the proof's name.
func (p Proof) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a proof's name.
func (p *Proof) UnmarshalText(b []byte) error {
	for i, name := range proofNames {
		if string(b) == name {
			*p = Proof(i)
			return nil
		}
	}
	return fmt.Errorf("unknown proof %q: one of none, accepted, delivered, read", b)
}

// Silence says how to read that no receipt came within a cascade step's wait.
type Silence uint8

const (
	// SilenceIsFailure: this provider reports deliveries, so no report means not delivered.
	SilenceIsFailure Silence = iota
	// SilenceIsPresumed: this provider never reports a delivery; the message counts as arrived, with
	// proof [Accepted], once its bounce window has passed.
	SilenceIsPresumed
)

// Message is one attempt to reach one recipient. All texts are final: nothing in them is to be
// expanded or translated by the adapter, only escaped as its wire format demands.
type Message struct {
	// Ref identifies the attempt towards the provider: an id plus a keyed MAC, of letters, digits
	// and '-' only, at most 64 characters. It is stable over a resend of the same attempt, so it
	// serves as idempotency key where the provider has one. Message-IDs, VERP addresses and
	// tracking fields are made of it. It holds nothing personal.
	Ref string
	// Address is the recipient on this channel: an E.164 number, a mailbox, a chat id, an account.
	Address string
	// Locale is the BCP 47 tag of the texts.
	Locale string
	// Subject is set for kinds that have one (email).
	Subject string
	// Text is the message as plain text, always set.
	Text string
	// HTML is the same as HTML, set for email only.
	HTML string
	// Callback is the absolute URL at which this provider's receipts for this attempt are taken, or
	// "" where no public URL is configured. It ends in Ref.
	Callback string
	// Unsubscribe is the absolute URL at which the recipient can leave this channel, made for this attempt:
	// GET shows a page that asks, a one-click POST (RFC 8058) is enough. It holds nothing personal. "" where
	// no public URL is configured, and for public accounts.
	Unsubscribe string
	// UsefulFor is how long the news is worth delivering; 0 is no limit. Providers with a validity
	// period or TTL get it, clamped to what they allow.
	UsefulFor time.Duration
	// Topic is the same for all messages about an incident: 32 characters of a-z and 0-9 that say
	// nothing else. Where a device or mailbox can show the newest of them only, or together, that is
	// the key: a push service's collapse key, a thread.
	Topic string
	// Thread is the provider's id (Ack.ID) of the first message that this recipient was given about the
	// incident on this channel; "" for the first itself, and where [Spec].Threads is false. The message
	// is to be a reply to that one. Where it is gone, or can't be replied to, the message goes out by
	// itself: news in the wrong place is better than none.
	Thread string
	// News is the update as facts, for kinds whose adapters lay it out themselves (web); else nil. It
	// is shared between messages, and not to be changed.
	News *News
}

// News is what an update says, beside its texts.
type News struct {
	Kind   string `json:"kind"`   // outage, maintenance
	Status string `json:"status"` // investigating, …, as in the update's schema
	Impact string `json:"impact"` // minor, major, critical
	// At is when it was said, StartedAt when the outage began or the maintenance begins.
	At        time.Time `json:"at"`
	StartedAt time.Time `json:"started_at"`
	// EndsAt is a maintenance's planned end, EstimatedAt when service is expected back, NextUpdateAt the
	// promise of the next update, ResolvedAt when service came back; zero where the update doesn't say.
	EndsAt       time.Time `json:"ends_at,omitzero"`
	EstimatedAt  time.Time `json:"estimated_at,omitzero"`
	NextUpdateAt time.Time `json:"next_update_at,omitzero"`
	ResolvedAt   time.Time `json:"resolved_at,omitzero"`
	// Services and Regions are names in the message's language, none where all are affected.
	Services []string `json:"services,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	// Advice is what customers can do meanwhile, in the message's language; "" where the update has none.
	Advice string `json:"advice,omitempty"`
	// Link is where to read on, "" if nowhere.
	Link string `json:"link,omitempty"`
}

// Ack is the provider's word that it took a message.
type Ack struct {
	// ID is the provider's id for the message, "" where it gives none.
	ID string
	// Proof is what the acknowledgement itself proves: Accepted for nearly all, more where the
	// protocol says so in its answer.
	Proof Proof
}

// Sender gives messages to one provider account. Send is safe for concurrent use; everything else
// about a Sender is fixed when it is made.
type Sender interface {
	// Send gives m to the provider and waits for its answer, at most until ctx ends. A nil error
	// means that the provider took the message. Any error is an *Error; one whose class is Unknown
	// says that the message may have gone out.
	Send(ctx context.Context, m Message) (Ack, error)
	// Close releases connections. No Send is under way when it is called.
	Close() error
}

// Callback is one HTTP request that a provider made to our webhook, read whole.
type Callback struct {
	Method string
	// URL is the public URL that the provider called, as it was configured or handed out: behind a
	// proxy it is rebuilt from the configured public URL, never from request headers.
	URL *url.URL
	// Ref is the attempt reference that the URL ended in, "" if it had none. It is *not yet* verified.
	Ref    string
	Header http.Header
	Body   []byte
}

// Receipt is what a provider said of a message after it took it.
type Receipt struct {
	// Ref names the attempt; "" where the provider reports by its own id only.
	Ref string
	// ProviderID is the provider's id, used to find the attempt where Ref is "".
	ProviderID string
	// State is what became of the message.
	State ReceiptState
	// Code is the provider's code for it: a status, an error number.
	Code string
	// Dead says of a failure that the address can't be reached on this channel, now or later, as
	// [InvalidAddress] does of a Send: it is remembered, and nothing is sent there any more.
	Dead bool
	// At is the provider's time for it, zero where it gives none or one that can't be trusted.
	At time.Time
}

// ReceiptState is what a receipt says, in Tocsin's words.
type ReceiptState string

// What receipts say. A state that only repeats acceptance ("sent", "queued") is ReceiptAccepted.
const (
	ReceiptAccepted  ReceiptState = "accepted"
	ReceiptDelivered ReceiptState = "delivered"
	ReceiptRead      ReceiptState = "read"
	ReceiptFailed    ReceiptState = "failed"
)

// Heard is what a provider said in one callback: possibly nothing, since providers also call to test
// the webhook or to say things that are of no use here.
type Heard struct {
	Receipts []Receipt
	Inbound  []Inbound
	// Answer is what the provider wants to read in our answer to a call that only tests the webhook (its
	// challenge), as plain text; "" for nothing. Where it is set, there is nothing else.
	Answer string
}

// Inbound is what a recipient did towards us: answered, or left.
type Inbound struct {
	// Ref names the attempt that it is about, "" where that isn't known. Where it is set it is to be
	// verified like a receipt's: it then is all that shows who speaks, and Address may be "".
	Ref string
	// Address is the recipient's on this channel, in the form of Message.Address.
	Address string
	// Wish is what the provider itself understood it to be (it blocks those who opted out, say), NoWish
	// where it only passes on Text.
	Wish Wish
	// Text is what the recipient wrote, "" where nothing was written.
	Text string
}

// Wish is what a recipient wants of a channel.
type Wish uint8

// The wishes.
const (
	NoWish   Wish = iota
	OptOut        // no more messages on this channel
	OptIn         // messages again
	WantHelp      // to be told what this is
)

var wishNames = [...]string{"none", "opt_out", "opt_in", "help"}

func (w Wish) String() string { return wishNames[w] }

// Understood is what somebody wishes: as the provider understood it, or else by what they wrote.
func (i *Inbound) Understood() Wish {
	if i.Wish != NoWish {
		return i.Wish
	}
	return WishOf(i.Text)
}

// CallbackParser is a Sender whose provider calls a webhook.
type CallbackParser interface {
	// ParseCallback verifies that the callback comes from the provider (signature over the raw body
	// or URL, in constant time) and reads what it says. An *Error of class Auth means a bad
	// signature; one of class Rejected means that it could not be read.
	ParseCallback(c Callback) (Heard, error)
}

// WebhookRegistrar is a Sender whose provider must be told where to send its callbacks.
type WebhookRegistrar interface {
	// RegisterWebhook tells the provider to call u. It may be called again at any time; while it
	// runs the provider may already call u.
	RegisterWebhook(ctx context.Context, u string) error
}

// WebhookInspector is a Sender whose provider says where it sends its callbacks.
type WebhookInspector interface {
	// RegisteredWebhook returns the URL that the provider calls, "" if it calls none. It changes nothing.
	RegisteredWebhook(ctx context.Context) (u string, err error)
}

// Preparer is a Sender with something to do before its first message: a page that is to be there before
// there is any news.
type Preparer interface {
	// Prepare is called each time that a lane starts, before any Send and beside none, in one process
	// at a time. An error doesn't keep the lane from starting.
	Prepare(ctx context.Context) error
}

// Prober is a Sender that can ask its provider whether it works and whether our credentials hold,
// without sending anything to anybody.
type Prober interface {
	Probe(ctx context.Context) error
}

// Measurer is a Sender whose texts have a countable cost.
type Measurer interface {
	// Units returns how many billed units (SMS segments) a text takes.
	Units(text string) int
}

// Limits are a provider's published limits, used where the configuration names none.
type Limits struct {
	// PerSecond is the steady rate at which the provider takes messages of one account; 0 is unlimited. A
	// [BulkSender]'s call is one, however many recipients it has.
	PerSecond float64
	// Concurrency is how many Sends and SendBulks may be under way at once.
	Concurrency int
	// Timeout bounds one Send.
	Timeout time.Duration
}

// Env is what an adapter gets from its surroundings.
type Env struct {
	// HTTP is the client to use for HTTP: connections are kept, in numbers that fit the lane's
	// concurrency. It has no timeout of its own: contexts end requests.
	HTTP *http.Client
	// UserAgent names this program and its version.
	UserAgent string
}

// Spec describes an adapter: everything that the rest of Tocsin knows about it. A Spec is a plain
// value: registering an adapter is listing its Spec in channels/all.
type Spec struct {
	// Provider is the adapter's name in configuration, metrics and webhook paths: "twilio".
	Provider string
	// Title is the provider's name for people.
	Title string
	Kind  Kind
	// Channel is the channel's usual name, which is also the address key in the directory: "sms".
	Channel string
	// Proofs are the proofs this provider can ever give, weakest first.
	Proofs []Proof
	// Silence says how to read that no receipt came.
	Silence Silence
	// BounceWindow is how long after acceptance a failure may still be reported, for providers
	// whose Silence is SilenceIsPresumed. Zero means that the answer to Send is the last word.
	BounceWindow time.Duration
	// ReceiptsByID says that receipts name the provider's id only, so that ids must be remembered.
	ReceiptsByID bool
	// Idempotent says that a resend with the same Ref is recognised by the provider.
	Idempotent bool
	// InquireAfter says that the provider can be asked what became of a message (the Sender is an
	// Inquirer), and how long after an attempt whose answer was lost: what the provider doesn't know
	// of it by then, it never got. 0 where it can't be asked.
	InquireAfter time.Duration
	// RecallWithin says that the provider can take messages back (the Sender is a Recaller), and how long
	// after it took them; [Always] where age doesn't matter. 0 where it can't.
	RecallWithin time.Duration
	// Threads says that messages about one incident can follow each other in a thread: the adapter makes
	// its message a reply to Message.Thread.
	Threads bool
	Limits  Limits
	// CheckAddress checks an address of this channel and returns it in its one normal form; its error
	// completes a sentence ("is not a mailbox") and doesn't repeat the address. It is safe for
	// concurrent use. Where it is nil, numbers are checked as such (SMS, voice), and others not at all.
	CheckAddress func(address string) (normal string, err error)
	// Docs is the provider's documentation page that the adapter follows.
	Docs string
	// Example is a YAML configuration that loads, without the provider line.
	Example string
	// New makes the Sender from its configuration. decode fills a struct with yaml tags, strictly:
	// unknown keys are errors that name the line. New checks the values, but does no I/O.
	New func(decode func(any) error, env Env) (Sender, error)
}

// GivesReceipts reports whether the provider can say more than that it took a message.
func (s Spec) GivesReceipts() bool {
	return len(s.Proofs) > 0 && s.Proofs[len(s.Proofs)-1] > Accepted
}
