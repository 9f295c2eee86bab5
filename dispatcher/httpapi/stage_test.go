package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// The tokens of the stage.
const (
	adminToken = "admin-token-000000"
	cardsToken = "cards-token-000000"
	anyToken   = "any-team-token-000"
	anaToken   = "ana-rusu-token-0000"
	ionToken   = "ion-ceban-token-000"
	loansToken = "loans-token-00000"
)

// nats is a bus that remembers what was published, or refuses it.
type nats struct {
	mu       sync.Mutex
	err      error
	updates  []published
	receipts []bus.Receipts
	ordered  func(subject string, body []byte) error
	watchers map[string]func(bus.Receipt) // by channel and provider
}

func (n *nats) WatchReceipts(channel, provider string, heard func(bus.Receipt)) (func(), error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return nil, n.err
	}
	key := channel + "/" + provider
	if n.watchers == nil {
		n.watchers = map[string]func(bus.Receipt){}
	}
	n.watchers[key] = heard
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.watchers, key)
	}, nil
}

// say has a watcher hear of a receipt.
func (n *nats) say(key string, r bus.Receipt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watchers[key](r)
}

type published struct{ team, contentType, body string }

func (n *nats) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

func (n *nats) PublishUpdate(_ context.Context, team, contentType string, body []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.updates = append(n.updates, published{team, contentType, string(body)})
	}
	return n.err
}

func (n *nats) PublishReceipts(_ context.Context, _ string, r bus.Receipts) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		r.Receipts = append([]bus.Receipt(nil), r.Receipts...)
		n.receipts = append(n.receipts, r)
	}
	return n.err
}

func (n *nats) PublishMessage(_ context.Context, subject string, _ map[string][]string, body []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil && n.ordered != nil {
		return n.ordered(subject, body)
	}
	return n.err
}

// stored returns all receipts that were published.
func (n *nats) stored() []bus.Receipt {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []bus.Receipt
	for _, r := range n.receipts {
		all = append(all, r.Receipts...)
	}
	return all
}

// books is a real ledger whose lines of a report a test may choose.
type books struct {
	*sqlite.Ledger
	lines []ledger.RecipientReport
	// people, if not 0, are so many in the audience of whatever is asked about; most is how many were asked
	// for at once.
	people, most int
	// refuse is what a consent fails with, if anything.
	refuse error
}

func (b *books) RecipientReports(context.Context, string, string) iter.Seq2[ledger.RecipientReport, error] {
	return func(yield func(ledger.RecipientReport, error) bool) {
		for _, l := range b.lines {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// parser is an adapter's webhook: the body says what becomes of the call.
type parser struct {
	mu     sync.Mutex
	last   channels.Callback
	signed bool // an empty body has no signature
}

// demand has it refuse an empty body for want of a signature.
func (p *parser) demand(signed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signed = signed
}

func (p *parser) ParseCallback(c channels.Callback) (channels.Heard, error) {
	p.mu.Lock()
	p.last = c
	p.last.Body = bytes.Clone(c.Body)
	signed := p.signed
	p.mu.Unlock()
	switch body := string(c.Body); {
	case body == "" && signed, body == "forged":
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "signature"}
	case body == "unreadable":
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body"}
	case body == "challenge":
		return channels.Heard{Answer: c.URL.Query().Get("challenge")}, nil
	case body == "":
		return channels.Heard{}, nil
	}
	if id, ok := strings.CutPrefix(string(c.Body), "id "); ok {
		return channels.Heard{Receipts: []channels.Receipt{{ProviderID: id, State: channels.ReceiptFailed, Code: strings.Repeat("9", 200)}}}, nil
	}
	if rest, ok := strings.CutPrefix(string(c.Body), "from "); ok {
		address, text, _ := strings.Cut(rest, " ")
		return channels.Heard{Inbound: []channels.Inbound{{Address: address, Text: text}}}, nil
	}
	if ref, ok := strings.CutPrefix(string(c.Body), "ref "); ok {
		return channels.Heard{Inbound: []channels.Inbound{{Ref: ref, Wish: channels.OptOut}}}, nil
	}
	if address, ok := strings.CutPrefix(string(c.Body), "out "); ok {
		return channels.Heard{Inbound: []channels.Inbound{{Address: address, Wish: channels.OptOut, Text: "stop"}}}, nil
	}
	var all []channels.Receipt
	for ref := range strings.FieldsSeq(string(c.Body)) {
		all = append(all, channels.Receipt{Ref: ref, State: channels.ReceiptDelivered, Code: "ok"})
	}
	return channels.Heard{Receipts: all}, nil
}

func (p *parser) called() channels.Callback {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// stage is a server with everything around it.
type stage struct {
	*httptest.Server
	bus      *nats
	ledger   *books
	parser   *parser
	signer   *notification.Signer
	registry *prometheus.Registry
	api      *httpapi.Server
	admin    *httpapi.Client

	mu       sync.Mutex
	rejected []rejected
	unready  error
}

type rejected struct {
	ledger.Rejection
	header map[string][]string
}

func newStage(t testing.TB) *stage {
	t.Helper()
	l, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	st := &stage{
		bus: &nats{}, ledger: &books{Ledger: l}, parser: &parser{}, registry: prometheus.NewRegistry(),
		signer: notification.NewSigner([]byte("key")),
	}
	if st.api, err = httpapi.New(st.options(t)); err != nil {
		t.Fatal(err)
	}
	st.Server = httptest.NewUnstartedServer(st.api)
	st.Config.ErrorLog = log.New(complaints{t}, "", 0)
	st.Start()
	st.admin = httpapi.NewClient(st.URL, adminToken)
	run(t, st.api)
	t.Cleanup(func() {
		st.admin.Close()
		st.api.EndStreams()
		st.Close()
	})
	return st
}

// complaints fails the test on whatever net/http has to say: panics above all.
type complaints struct{ t testing.TB }

func (c complaints) Write(text []byte) (int, error) {
	c.t.Errorf("net/http: %s", text)
	return len(text), nil
}

// run runs the server's own work until the test ends.
func run(t testing.TB, s *httpapi.Server) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func (st *stage) options(t testing.TB) httpapi.Options {
	checker, err := audience.NewChecker(audience.Rules{Locale: "en", Channels: map[string]audience.AddressCheck{"sms": audience.Phone("MD"), "email": nil}})
	if err != nil {
		t.Fatal(err)
	}
	return httpapi.Options{
		Ledger: st.ledger, Bus: st.bus, Reject: st.reject, Forecast: foresee, Checker: checker, Signer: st.signer,
		Receivers: []httpapi.Receiver{{Channel: "sms", Provider: "acme", Parser: st.parser}},
		Tokens: []httpapi.Token{
			{Name: "ops", Token: adminToken, Admin: true},
			{Name: "cards", Token: cardsToken, Team: "cards"},
			{Name: "gateway", Token: anyToken},
			{Name: "ana", Token: anaToken, Approves: true, Person: "Ana Rusu"},
			{Name: "ion", Token: ionToken, Approves: true, Person: "Ion Ceban", Team: "cards"},
			{Name: "loans", Token: loansToken, Approves: true, Person: "Lia Munteanu", Team: "loans"},
		},
		Organisation: "Банк", PublicURL: "https://hooks.example.org/tocsin/", Gatherer: st.registry, Metrics: httpapi.NewMetrics(st.registry),
		Ready: func(context.Context) error {
			st.mu.Lock()
			defer st.mu.Unlock()
			return st.unready
		},
		Dashboard: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) }),
		Log:       slog.New(slog.DiscardHandler), Version: "1.2.3",
	}
}

func (st *stage) reject(ctx context.Context, r ledger.Rejection, header map[string][]string) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.rejected = append(st.rejected, rejected{r, header})
	return st.ledger.RecordRejection(ctx, r)
}

// ask makes a request and returns its answer, read whole. Headers are names and values in turn.
func (st *stage) ask(t testing.TB, method, path, token, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, st.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{
		Transport:     st.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// problem is the JSON of an answer that says what is wrong.
type problem struct {
	Error, Hint string
	Faults      []incident.Fault
}

func problemOf(t *testing.T, text string) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Error == "" {
		t.Errorf("answer %q has no error: %v", text, err)
	}
	return p
}

// anUpdate is a good one of team cards.
func anUpdate() incident.Update {
	return incident.Update{
		Source: "/cards", EventID: "e-1", Time: time.Date(2026, 5, 4, 17, 45, 0, 0, time.UTC),
		Data: incident.Data{
			Team: "cards", Incident: "c-1", Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major,
			Affects: incident.Audience{Services: []string{"cards"}}, StartedAt: time.Date(2026, 5, 4, 17, 0, 0, 0, time.UTC),
			Summary: incident.Text{"en": "Cards fail."},
		},
	}
}

func encoded(t testing.TB, u incident.Update) []byte {
	t.Helper()
	body, err := incident.Encode(u)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// record puts an update into the ledger, held.
func (st *stage) record(t testing.TB, u incident.Update) { st.hold(t, u, 0) }

// hold puts an update into the ledger that so many people must approve.
func (st *stage) hold(t testing.TB, u incident.Update, people int) {
	t.Helper()
	var terms playbook.Terms
	terms.Approval.People = people
	_, err := st.ledger.RecordUpdate(t.Context(), u, func(i *incident.Incident) (ledger.NewUpdate, error) {
		after, _ := incident.Fold(i, u, u.Time)
		return ledger.NewUpdate{Update: u, Incident: after, State: ledger.Held, ReceivedAt: u.Time, Terms: terms, Texts: []ledger.Text{
			{Kind: channels.SMS, Locale: "en", Units: 1, Content: notification.Content{Text: notification.Literal("Cards fail.")}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
