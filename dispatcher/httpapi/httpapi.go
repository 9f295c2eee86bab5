// Package httpapi is the http role: it takes updates and providers' receipts over HTTP and puts them
// on NATS before it answers, and serves the JSON API, the events that dashboards live on, health and
// metrics. Its [Client] is what the command line uses.
//
// # Who may do what
//
// Requests carry "Authorization: Bearer <token>" (RFC 6750); pages carry a session cookie instead,
// got at /login, which also reads the API but changes nothing. A token with a team publishes that
// team's updates only, one without a team any team's; both read incidents, reports and events. All
// else needs an admin's, but for approving held updates and refusing them: that needs an admin's, or a token
// that approves, which is one person's own. Webhooks, unsubscribe links, health, metrics and the schema are public: webhooks
// are verified by the adapter, a link's token is signed and says one thing only, the others hold nothing
// personal.
//
// # Answers
//
// Errors are JSON, {"error": "...", "hint": "..."}, where hint says what to do. 503 with Retry-After
// means that nothing was stored and that the same request may be sent again.
package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Reader is what the API reads of the ledger about incidents.
type Reader interface {
	Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error)
	Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error)
	Report(ctx context.Context, team, id string) (ledger.Report, error)
	RecipientReports(ctx context.Context, team, id string) iter.Seq2[ledger.RecipientReport, error]
	Rejections(ctx context.Context, limit int) ([]ledger.Rejection, error)
}

// Directory is what the API does with customers.
type Directory interface {
	audience.Store
	Recipient(ctx context.Context, id string) (audience.Recipient, error)
	Recipients(ctx context.Context) iter.Seq2[audience.Recipient, error]
	DeleteRecipient(ctx context.Context, id string) error
	CountRecipients(ctx context.Context) (int64, error)
	NoteImport(ctx context.Context, at time.Time) error
}

// Ledger is what the http role needs of the ledger.
type Ledger interface {
	Reader
	Directory
	Consents
	Compensations
	Approvals
	Order(ctx context.Context, id string) (ledger.OrderReport, error)
}

// Bus is what the http role needs of NATS.
type Bus interface {
	PublishUpdate(ctx context.Context, team, contentType string, body []byte) error
	PublishReceipts(ctx context.Context, provider string, r bus.Receipts) error
	PublishMessage(ctx context.Context, subject string, header map[string][]string, body []byte) error
	WatchReceipts(channel, provider string, heard func(bus.Receipt)) (stop func(), err error)
}

// Options make a Server. What has no remark is required.
type Options struct {
	Ledger Ledger
	Bus    Bus
	// Reject keeps an update that was refused, whole: dispatcher.Reject with its surroundings. The
	// header holds what belongs to the event, and no credentials.
	Reject func(ctx context.Context, r ledger.Rejection, header map[string][]string) error
	// Forecast makes the forecast of an update that is not recorded. What is wrong with the update is an
	// *incident.FaultError. It is nil in a process that writes no texts.
	Forecast func(ctx context.Context, u incident.Update) (forecast.Forecast, error)
	// Approved is called after an update was let go, so that planning needn't wait; optional.
	Approved func()
	Checker  *audience.Checker
	Signer   *notification.Signer
	// Receivers are the providers that report, by webhook or through Hear; one for each channel and provider.
	Receivers []Receiver
	Tokens    []Token
	// PublicURL is where providers reach this server, without a path's last slash. Signatures over
	// URLs are checked against it. "" takes the URL of each request as its path only.
	PublicURL string
	Clock     clock.Clock
	Gatherer  prometheus.Gatherer
	Metrics   *Metrics
	// Ready returns nil when everything that this process needs answers. An error that joins several
	// (errors.Join) names each failing part on its own; nil is always ready.
	Ready func(ctx context.Context) error
	// Organisation is the name by which customers know who writes to them.
	Organisation string
	// Dashboard serves the pages and, below /static/, what they are made of; optional.
	Dashboard http.Handler
	Log       *slog.Logger
	Version   string
}

// Server is the http role's handler. It is safe for concurrent use. Receipts are stored while Run
// runs.
type Server struct {
	Options
	base      url.URL
	keys      []key
	receivers map[target]*receiver
	looks     looks
	drafts    chan struct{} // held by whoever makes a draft's forecast
	leave     *template.Template
	// bodies are buffers for webhooks' bodies. Nothing of a body outlives its request: parsers return
	// receipts made of strings.
	bodies  sync.Pool
	ended   chan struct{} // closed by EndStreams
	endOnce func()
	handler http.Handler
}

// New makes a server. It fails on a public URL that is none and on receivers or tokens that occur
// twice.
func New(o Options) (*Server, error) {
	base, err := publicBase(o.PublicURL)
	if err != nil {
		return nil, err
	}
	s := &Server{Options: o, base: base, receivers: map[target]*receiver{}, drafts: make(chan struct{}, 1), leave: newLeavePage(), ended: make(chan struct{})}
	s.endOnce = onceClose(s.ended)
	if s.keys, err = makeKeys(o.Tokens); err != nil {
		return nil, err
	}
	for _, r := range o.Receivers {
		t := target{r.Channel, r.Provider}
		if s.receivers[t] != nil {
			return nil, fmt.Errorf("http: two receivers for %s at %s", t.channel, t.provider)
		}
		s.receivers[t] = newReceiver(r, &o)
	}
	s.looks.ledger = o.Ledger
	s.bodies.New = func() any { return new(bytes.Buffer) }
	s.handler = s.routes()
	return s, nil
}

func publicBase(raw string) (url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil {
		return url.URL{}, fmt.Errorf("http: public URL: %w", err)
	}
	if raw != "" && (u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "") {
		return url.URL{}, fmt.Errorf("http: public URL: %q must be http(s)://host, with a path at most", raw)
	}
	return *u, nil
}

// ServeHTTP serves everything.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Run gathers receipts into messages and publishes them until ctx ends; those that wait are still
// published then. Webhooks that come before it wait for it, and those that come after it answer 503:
// end it after the HTTP server's Shutdown. Call it once.
func (s *Server) Run(ctx context.Context) error {
	defer s.EndStreams()
	ended := make(chan struct{}, len(s.receivers))
	for _, r := range s.receivers {
		go func() {
			r.gathering.run(ctx)
			ended <- struct{}{}
		}()
	}
	for range s.receivers {
		<-ended
	}
	<-ctx.Done()
	return nil
}

// EndStreams ends the event streams, which would otherwise hold up a server's Shutdown: register it
// with http.Server.RegisterOnShutdown. It may be called more than once.
func (s *Server) EndStreams() { s.endOnce() }

// Receiver is a provider of a channel that reports what became of messages.
type Receiver struct {
	Channel string
	// Provider is its name among the channel's providers, as configured.
	Provider string
	// Parser reads its webhook; nil if it has none.
	Parser channels.CallbackParser
}

// target is what a webhook's path names.
type target struct{ channel, provider string }
