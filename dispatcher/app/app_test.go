package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp"
	smtpsim "github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/viber"
	vibersim "github.com/tocsin-dev/tocsin/channels/messenger/viber/sim"
	"github.com/tocsin-dev/tocsin/channels/null"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/sms/twilio"
	twiliosim "github.com/tocsin-dev/tocsin/channels/sms/twilio/sim"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func specs() []channels.Spec {
	return []channels.Spec{smtp.Spec(), viber.Spec(), twilio.Spec(), null.Spec()}
}

// town is a running Tocsin with its simulated providers.
type town struct {
	t       *testing.T
	sandbox *sandbox.Server
	client  *httpapi.Client
	url     string
}

// newTown starts all roles on the embedded defaults against simulated providers.
func newTown(t *testing.T, change func(cfg map[string]any)) *town {
	t.Helper()
	return newTownAt(t, clock.Clock{}, change)
}

// newTownAt is newTown on a clock of its own.
func newTownAt(t *testing.T, c clock.Clock, change func(cfg map[string]any)) *town {
	t.Helper()
	return newTownOf(t, c, specs(), change)
}

// newTownOf is newTownAt with adapters of its own.
func newTownOf(t *testing.T, c clock.Clock, adapters []channels.Spec, change func(cfg map[string]any)) *town {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sims := []sandbox.Simulator{smtpsim.Simulator(), vibersim.Simulator(), twiliosim.Simulator()}
	far, err := sandbox.New(ctx, "127.0.0.1:0", sandbox.Conduct{ByDigit: true}, append(sims, twiliosim.Simulator().As("second")))
	if err != nil {
		t.Fatal(err)
	}
	farEnded := make(chan error, 1)
	go func() { farEnded <- far.Run(ctx) }()
	cfg := load(t, t.TempDir(), far, sims, change)
	a, err := app.New(ctx, app.Options{Config: cfg, Specs: adapters, Clock: c, Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopping: %v", err)
		}
		if err := <-farEnded; err != nil {
			t.Errorf("stopping the sandbox: %v", err)
		}
		auditLedger(t, cfg)
	})
	e := a.Endpoints()
	return &town{t: t, sandbox: far, client: httpapi.NewClient(e.HTTP, e.Token), url: e.HTTP}
}

// auditLedger holds what a server has left to what must always be true of a ledger.
func auditLedger(t *testing.T, cfg *app.Config) {
	t.Helper()
	l, done, err := app.OpenLedgerReadOnly(context.Background(), cfg)
	if err != nil {
		t.Error(err)
		return
	}
	_, err = audit.Run(context.Background(), l, audit.Options{Tolerance: audit.DefaultTolerance, Found: func(v audit.Violation) { t.Errorf("audit: %+v", v) }})
	if err = errors.Join(err, done()); err != nil {
		t.Error(err)
	}
}

func load(t *testing.T, dir string, far *sandbox.Server, sims []sandbox.Simulator, change func(map[string]any)) *app.Config {
	t.Helper()
	listen := freeAddress(t)
	chans := map[string]any{}
	waits := map[string]string{"sms": "3s", "viber": "1s", "email": "1s"}
	for _, s := range sims {
		channel := map[string]string{"smtp": "email", "viber": "viber", "twilio": "sms"}[s.Provider]
		chans[channel] = map[string]any{
			"provider": s.Provider, "wait": waits[channel], "bounce_window": "100ms",
			"settings": s.Settings(far.Endpoints()[s.Provider]),
		}
	}
	cfg := map[string]any{
		"data_dir": filepath.Join(dir, "data"), "organisation": "Example Bank", "zone": "Europe/Chisinau", "phone_country": "MD",
		"approval": "none", "http": map[string]any{"listen": listen, "public_url": "http://" + listen},
		"nats": map[string]any{"listen": "127.0.0.1:0"}, "cascade": map[string]any{"behind": []string{"sms"}},
		"channels": chans,
		"catalogue": map[string]any{"services": map[string]any{
			"cards": map[string]string{"en": "card payments", "ro": "plăți cu cardul", "ru": "платежи картой"},
		}},
	}
	if change != nil {
		change(cfg)
	}
	raw, err := yaml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tocsin.yaml")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := app.Load(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := sandbox.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func (w *town) customers(lines ...string) {
	w.t.Helper()
	sum, err := w.client.ImportCustomers(w.t.Context(), strings.NewReader(strings.Join(lines, "\n")), audience.JSONL, nil, os.Stderr)
	if err != nil || sum.Rejected > 0 {
		w.t.Fatalf("importing customers: %+v, %v", sum, err)
	}
}

func customer(id, preferred, sms, other string) string {
	return fmt.Sprintf(`{"id":%q,"locale":"ro","addresses":{"sms":%q,%q:%q},"preferences":[%q],"consents":["sms",%q],"services":["cards"]}`,
		id, sms, preferred, other, preferred, preferred)
}

func (w *town) publish(status incident.Status, n int, change func(*incident.Update)) incident.Update {
	w.t.Helper()
	now := time.Now().UTC()
	u := incident.Update{
		Source: "test", EventID: fmt.Sprintf("event-%d", n), Time: now, Sequence: fmt.Sprint(n),
		Data: incident.Data{
			Team: "ops", Incident: "night", Kind: incident.Outage, Status: status, Impact: incident.Critical, StartedAt: now.Add(-10 * time.Minute),
			Affects: incident.Audience{Services: []string{"cards"}},
			Summary: incident.Text{"en": fmt.Sprintf("Card payments fail (%d).", n), "ro": fmt.Sprintf("Cardurile nu merg (%d).", n), "ru": fmt.Sprintf("Карты не работают (%d).", n)},
		},
	}
	if change != nil {
		change(&u)
	}
	body, err := incident.Encode(u)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.client.Publish(w.t.Context(), body); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// report waits until all of the night's updates are closed, and returns the report.
func (w *town) report(updates int) ledger.Report {
	w.t.Helper()
	return w.reportOf("night", updates)
}

func (w *town) reportOf(incident string, updates int) ledger.Report {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		r, err := w.client.Report(w.t.Context(), "ops", incident)
		if err == nil && r.Balanced && len(r.Updates) == updates {
			return r
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the report does not balance: %+v, %v", r, err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-w.t.Context().Done():
		}
	}
}

// witness returns what the simulated providers say of one address.
func (w *town) witness(provider, address string) sandbox.Tally {
	var found sandbox.Tally
	w.sandbox.Desk(provider).Each(func(a string, t sandbox.Tally) {
		if a == address {
			found = t
		}
	})
	return found
}

// TestEveryChannelHasSMSBehindIt follows each way in which a preferred channel can fail or hold, and
// lets the providers themselves say who got what.
func TestEveryChannelHasSMSBehindIt(t *testing.T) { everyChannelHasSMSBehindIt(t, nil) }

func everyChannelHasSMSBehindIt(t *testing.T, change func(cfg map[string]any)) {
	w := newTown(t, change)
	w.customers(
		customer("well", "viber", "+37369000001", "AAAAAAAAAAAAAAAAAAAA10=="),
		customer("refused", "viber", "+37369000011", "AAAAAAAAAAAAAAAAAAAA19=="),
		customer("silent", "viber", "+37369000021", "AAAAAAAAAAAAAAAAAAAA18=="),
		customer("mail", "email", "+37369000031", "good.0@example.com"),
		customer("bounced", "email", "+37369000041", "bad.9@example.com"),
		customer("texted", "sms", "+37369000050", "+37369000050"),
		customer("nowhere", "sms", "+37369000059", "+37369000059"),
		`{"id":"no-consent","locale":"en","addresses":{"sms":"+37369000061"},"services":["cards"]}`,
		`{"id":"no-address","locale":"en","services":["cards"]}`,
		`{"id":"elsewhere","locale":"en","addresses":{"sms":"+37369000071"},"consents":["sms"],"services":["loans"]}`,
	)
	w.publish(incident.Investigating, 1, nil)
	r := w.report(1)
	b := r.Updates[0].Balance
	if b.Audience != 9 || b.Reached != 6 || b.Unreachable != 2 || b.Suppressed != 1 {
		t.Errorf("balance %+v, want 6 reached, 2 unreachable and 1 suppressed of 9\n%+v", b, r.Updates[0].Outcomes)
	}
	if got := r.Updates[0].ReachedByFallback; got != 3 {
		t.Errorf("%d reached by fallback, want 3", got)
	}
	for address, want := range map[string]int{
		"+37369000001": 0, "+37369000011": 1, "+37369000021": 1, "+37369000031": 0, "+37369000041": 1,
		"+37369000050": 1, "+37369000061": 0, "+37369000071": 0,
	} {
		if got := w.witness("twilio", address); got.Accepted != want || got.Repeats != 0 {
			t.Errorf("the SMS provider counts %+v for %s, want %d accepted", got, address, want)
		}
	}
	if got := w.witness("smtp", "good.0@example.com"); got.Accepted != 1 {
		t.Errorf("the relay counts %+v, want one mail", got)
	}
}

// TestRepeatedUpdateChangesNothing publishes the same event twice.
func TestRepeatedUpdateChangesNothing(t *testing.T) { repeatedUpdateChangesNothing(t, nil) }

func repeatedUpdateChangesNothing(t *testing.T, change func(cfg map[string]any)) {
	w := newTown(t, change)
	w.customers(customer("one", "sms", "+37369000050", "+37369000050"))
	first := w.publish(incident.Investigating, 1, nil)
	w.report(1)
	w.publish(incident.Investigating, 1, func(u *incident.Update) { *u = first })
	w.publish(incident.Resolved, 2, func(u *incident.Update) { u.ResolvedAt = &u.Time })
	if r := w.report(2); len(r.Updates) != 2 {
		t.Errorf("%d updates, want 2", len(r.Updates))
	}
	if got := w.witness("twilio", "+37369000050"); got.Accepted != 2 || got.Repeats != 0 {
		t.Errorf("the SMS provider counts %+v, want two different texts", got)
	}
}

// TestMetricsFollowTheConventions lints everything that a running process exposes.
func TestMetricsFollowTheConventions(t *testing.T) {
	w := newTown(t, nil)
	w.customers(customer("one", "sms", "+37369000050", "+37369000050"))
	w.publish(incident.Investigating, 1, nil)
	w.report(1)
	resp, err := http.Get(w.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	problems, err := promlint.New(resp.Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "tocsin_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	families := scrape(t, w.url)
	for _, want := range []string{
		"tocsin_dispatcher_updates_total", "tocsin_dispatcher_notifications_planned_total", "tocsin_lane_attempts_total",
		"tocsin_fallback_outcomes_total", "tocsin_fallback_receipts_total", "tocsin_fallback_deadlines_total",
		"tocsin_incident_last_update_age_seconds", "tocsin_stream_size_bytes", "tocsin_http_requests_total",
	} {
		if !slices.Contains(families, want) {
			t.Errorf("no metric %s among %v", want, families)
		}
	}
}

// metrics returns what a process exposes.
func metrics(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func scrape(t *testing.T, url string) []string {
	t.Helper()
	names := map[string]bool{}
	for line := range strings.Lines(metrics(t, url)) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names[name] = true
		}
	}
	return slices.Collect(maps.Keys(names))
}
