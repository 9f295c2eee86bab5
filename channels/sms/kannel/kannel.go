// Package kannel sends SMS through a Kannel gateway, which operators run in front of SMPP, EMI/UCP or
// CIMD links: whatever short message centre Kannel is connected to, this adapter reaches.
//
// It follows Kannel's User Guide 1.4.5 (https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html),
// "Using the HTTP interface to send SMS messages" (tables 7-11, 7-16 and 7-17), "Parameters (Escape
// Codes)" (table 7-10) and "SMS Delivery Reports" (chapter 10), and what version 1.4.5 was seen to do.
//
// Messages are posted with X-Kannel headers rather than asked for by GET, so that neither text nor
// password stand in an URL, and hence in the logs of whatever lies between. A form is not taken by
// smsbox ("Invalid content-type").
//
// Kannel cuts off what doesn't fit into the sendsms-user's max-messages parts, which is one unless it is
// configured, and still answers that it took the message. So max_messages says the same number here,
// and longer texts are refused before they are sent.
//
// Reports come to the dlr-url given with each message. Kannel signs nothing: the URL is proof, since it
// ends in the attempt's reference and its MAC, which only Kannel was told; with a callback_secret
// it carries a key besides, so that what knows the reference only, proves nothing. The report of a
// text in several parts covers the first of them. Kannel has no idempotency key, and gives no id
// in its answer.
//
// What customers write (STOP) comes through an sms-service of Kannel's, whose URL carries the inbound_secret:
//
//	group = sms-service
//	keyword = default
//	catch-all = true
//	post-url = "https://tocsin.example/v1/receipts/sms/kannel?key=<inbound_secret>"
//	send-sender = true
//	omit-empty = true
//
// Kannel takes the text of our answer for a reply and sends it.
package kannel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// Spec describes the adapter.
//
// Kannel has no rate of its own: what is sent faster than the link's throughput waits in its queue,
// where more urgent news can't overtake it. The rate here is that of a modest SMPP link; configure
// the one agreed with the operator.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "kannel",
		Title:    "Kannel",
		Kind:     channels.SMS,
		Channel:  "sms",
		Proofs:   []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		Limits:   channels.Limits{PerSecond: 10, Concurrency: 32, Timeout: 15 * time.Second},
		Docs:     "https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html",
		Example: `base_url: http://kannel.internal:13013
username: tocsin
password: ${KANNEL_PASSWORD}
from: Bank
# As in the sendsms-user group, whose own default is 1: Kannel cuts off what is longer.
max_messages: 10
callback_secret: ${KANNEL_CALLBACK_SECRET}
# For what customers write, in the URL of an sms-service in Kannel's configuration:
# post-url = "https://<our public URL>/v1/receipts/sms/kannel?key=<inbound_secret>", send-sender = true, omit-empty = true
inbound_secret: ${KANNEL_INBOUND_SECRET}
`,
		New: newSender,
	}
}

// defaultPath is smsbox's sendsms-url, where the configuration doesn't change it (table 7-7).
const defaultPath = "/cgi-bin/sendsms"

// Config is the adapter's configuration.
type Config struct {
	// BaseURL is where smsbox listens: its sendsms-port.
	BaseURL string `yaml:"base_url"`
	// Path is smsbox's sendsms-url.
	Path string `yaml:"path"`
	// Username and Password are those of a sendsms-user group.
	Username string          `yaml:"username"`
	Password channels.Secret `yaml:"password"`
	// From is the sender: a number, a short code, or a name of up to eleven characters. Optional where
	// Kannel has a default-sender or global-sender.
	From string `yaml:"from"`
	// SMSC names the smsc-id by which messages are routed; optional.
	SMSC string `yaml:"smsc"`
	// MaxMessages is how many parts a text may have: the sendsms-user's max-messages.
	MaxMessages int `yaml:"max_messages"`
	// CallbackSecret is ours; see [sms.CallbackKey]. Optional.
	CallbackSecret channels.Secret `yaml:"callback_secret"`
	// InboundSecret is what the URL for customers' messages carries as its parameter key. Without it
	// none are taken.
	InboundSecret channels.Secret `yaml:"inbound_secret"`
}

// shortestSecret is what can't be guessed, in characters.
const shortestSecret = 20

// maxParts is how many parts a concatenated message can have (3GPP TS 23.040, section 9.2.3.24.1).
const maxParts = 255

func (c *Config) check() error {
	switch {
	case c.Username == "":
		return errors.New("username: missing")
	case c.Password == "":
		return errors.New("password: missing")
	case c.InboundSecret != "" && len(c.InboundSecret) < shortestSecret:
		return fmt.Errorf("inbound_secret: want %d characters at least: whoever guesses it can withdraw anybody's consent", shortestSecret)
	case c.MaxMessages < 1 || c.MaxMessages > maxParts:
		return fmt.Errorf("max_messages: want 1 to %d, the same as max-messages in Kannel's sendsms-user group, which cuts off what is longer", maxParts)
	case !strings.HasPrefix(c.Path, "/"):
		return fmt.Errorf("path: want it to begin with /, as in %q", defaultPath)
	}
	for key, value := range map[string]string{"username": c.Username, "password": c.Password.Reveal(), "from": c.From, "smsc": c.SMSC} {
		if !isHeaderValue(value) {
			return fmt.Errorf("%s: want printable ASCII, without blanks at the ends: it is sent in a header", key)
		}
	}
	return nil
}

// isHeaderValue reports whether smsbox gets a value as it stands.
func isHeaderValue(s string) bool {
	return strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

type sender struct {
	config Config
	api    *channels.API
}

var (
	_ channels.Sender         = (*sender)(nil)
	_ channels.CallbackParser = (*sender)(nil)
	_ channels.Replier        = (*sender)(nil)
	_ channels.Prober         = (*sender)(nil)
	_ channels.Measurer       = (*sender)(nil)
)

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{Path: defaultPath}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return &sender{config: c, api: api}, nil
}

// Send implements [channels.Sender].
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	parts, encoding := sms.Segments(m.Text)
	switch {
	case !isNumber(m.Address):
		return channels.Ack{}, &channels.Error{Class: channels.InvalidAddress, Code: "number"}
	case parts > s.config.MaxMessages:
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "too_long",
			Err: fmt.Errorf("%d parts in %v, max_messages is %d", parts, encoding, s.config.MaxMessages)}
	}
	body := strings.ToValidUTF8(m.Text, "\uFFFD")
	a, err := s.api.Call(ctx, http.MethodPost, s.config.Path, s.header(m, encoding), []byte(body))
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(a)
}

// isNumber reports whether an address is one number to smsbox, for which a blank divides several.
func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// The values of coding (table 7-17).
const coding7Bit, codingUCS2 = "0", "2"

// reports asks for all types of report, 1 to 16 (chapter 10).
const reports = "31"

// header is everything but the text (table 7-11).
func (s *sender) header(m channels.Message, encoding sms.Encoding) http.Header {
	h := s.account()
	set := func(name, value string) {
		if value != "" {
			h.Set("X-Kannel-"+name, value)
		}
	}
	set("To", m.Address)
	set("From", s.config.From)
	set("SMSC", s.config.SMSC)
	set("Coding", coding7Bit)
	if encoding == sms.UCS2 {
		set("Coding", codingUCS2)
	}
	set("Validity", validity(m.UsefulFor))
	if m.Callback != "" {
		set("DLR-Mask", reports)
		set("DLR-Url", s.dlrURL(m))
	}
	return h
}

// account is who is asking, and how the text is written.
func (s *sender) account() http.Header {
	return http.Header{
		"X-Kannel-Username": {s.config.Username},
		"X-Kannel-Password": {s.config.Password.Reveal()},
		"Content-Type":      {"text/plain; charset=UTF-8"},
	}
}

// maxValidity is the longest relative validity period of an SMS, 63 weeks (3GPP TS 23.040, section
// 9.2.3.12.1).
const maxValidity = 63 * 7 * 24 * time.Hour

// validity is a time in whole minutes, at least one; "" is the message centre's own.
func validity(useful time.Duration) string {
	if useful <= 0 {
		return ""
	}
	return strconv.Itoa(max(1, int(min(useful, maxValidity)/time.Minute)))
}

// Probe implements [channels.Prober]: it asks for a message to nobody, which smsbox refuses as such only
// when it has found the credentials to be right.
func (s *sender) Probe(ctx context.Context) error {
	a, err := s.api.Call(ctx, http.MethodPost, s.config.Path, s.account(), nil)
	if err != nil {
		return err
	}
	if refusal := refused(a); refusal.Code != codeNoReceiver {
		return refusal
	}
	return nil
}

// Units implements [channels.Measurer]: the parts of a text.
func (s *sender) Units(text string) int {
	n, _ := sms.Segments(text)
	return n
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
