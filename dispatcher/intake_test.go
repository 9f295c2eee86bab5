package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// plans are one playbook for all updates. Its texts write the summary, and refuse what the test tells them to.
type plans struct{ terms playbook.Terms }

const byConfiguration = "configuration (approval: none)"

func (p plans) Prepare(u incident.Update) (playbook.Prepared, []incident.Fault) {
	if u.Playbook == "absent" {
		return playbook.Prepared{}, []incident.Fault{{Path: "data.playbook", Problem: "there is none"}}
	}
	return playbook.Prepared{
		Terms: p.terms, ApprovedBy: byConfiguration, Locales: []string{"en", "ro"},
		Render: func(kind channels.Kind, locale string) (notification.Content, error) { return render(u, kind, locale) },
	}, nil
}

func render(u incident.Update, kind channels.Kind, locale string) (notification.Content, error) {
	switch text := u.Summary.In(locale); {
	case text == "" && locale != "en":
		return notification.Content{}, &templates.MissingError{Kind: kind, Locale: locale, Variable: "summary"}
	case text == "unspeakable":
		return notification.Content{}, fmt.Errorf("too long for %s", kind)
	default:
		return notification.Content{Text: notification.Literal(string(kind) + ": " + text)}, nil
	}
}

// intakeLedger tells when the intake has written, and can be out of order.
type intakeLedger struct {
	*sqlite.Ledger
	down    int
	written chan bool
}

func (l *intakeLedger) RecordUpdate(ctx context.Context, u incident.Update, decide func(*incident.Incident) (ledger.NewUpdate, error)) (bool, error) {
	if l.down--; l.down >= 0 {
		return false, errDown
	}
	isNew, err := l.Ledger.RecordUpdate(ctx, u, decide)
	if err == nil {
		l.written <- isNew
	}
	return isNew, err
}

type intakeWorld struct {
	ledger   *intakeLedger
	bus      *bus.Bus
	intake   *Intake
	rejected chan jetstream.Msg
}

func newIntake(t *testing.T, change func(*intakeWorld)) *intakeWorld {
	t.Helper()
	w := &intakeWorld{
		ledger: &intakeLedger{Ledger: openLedger(t), written: make(chan bool, 100)}, bus: bustest.Start(t), rejected: make(chan jetstream.Msg, 100),
	}
	w.intake = &Intake{
		Ledger: w.ledger, Bus: w.bus, Playbooks: plans{}, Kinds: []channels.Kind{channels.SMS, channels.Email},
		Measure: func(k channels.Kind, text string) int { return len(text) }, Planned: NewSignal(), Metrics: metrics(), Log: quiet(),
	}
	if change != nil {
		change(w)
	}
	runs(t, w.intake.Run)
	runs(t, func(ctx context.Context) error {
		return w.bus.Consume(ctx, bus.RejectedStream, "ops", "", 100, func(m jetstream.Msg) { _ = m.Ack(); w.rejected <- m })
	})
	return w
}

func (w *intakeWorld) publish(t *testing.T, team string, body []byte) {
	t.Helper()
	if err := w.bus.PublishUpdate(t.Context(), team, incident.ContentType, body); err != nil {
		t.Fatal(err)
	}
}

func encode(t *testing.T, u incident.Update) []byte {
	t.Helper()
	b, err := incident.Encode(u)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestIntakeRecords(t *testing.T) {
	for _, approval := range []bool{false, true} {
		terms := playbook.Terms{Playbook: "cards", Hash: "1f", Steps: notification.Steps("sms"), Cadence: playbook.Cadence{Holding: 2}}
		if approval {
			terms.Approval.People = 2
		}
		w := newIntake(t, func(w *intakeWorld) { w.intake.Playbooks = plans{terms} })
		w.publish(t, "payments", encode(t, testUpdate(1)))
		if !await(t, "the update", w.ledger.written) {
			t.Error("a new update isn't new")
		}
		await(t, "the planner to be woken", w.intake.Planned)
		p, want := progress(t, w.ledger.Ledger), ledger.Approved
		if approval {
			want = ledger.Held
		}
		if p.State != want || p.EventID != "e-1" || (p.ApprovedBy != byConfiguration) != approval {
			t.Errorf("approval %v: %+v", approval, p)
		}
		if u, err := w.ledger.Update(t.Context(), p.ID); err != nil || !cmp.Equal(terms, u.Terms) {
			t.Errorf("terms %v, %s", err, cmp.Diff(terms, u.Terms))
		}
		texts, err := w.ledger.Texts(t.Context(), p.ID)
		if err != nil || len(texts) != 4 {
			t.Fatalf("texts %+v, %v", texts, err)
		}
		for _, x := range texts { // Romanian is told in English, as the update has no Romanian
			if said := x.Content.Text.Sample(); said != string(x.Kind)+": Cards fail." || x.Units != len(said) {
				t.Errorf("%s in %s says %q in %d units", x.Kind, x.Locale, said, x.Units)
			}
		}
	}
}

// A text that is too long goes out all the same, and is counted.
func TestIntakeTakesTextsThatAreTooLong(t *testing.T) {
	w := newIntake(t, nil)
	u := testUpdate(1)
	u.Summary = incident.Text{"en": strings.Repeat("Cards fail in every shop. ", 15)}
	w.publish(t, "payments", encode(t, u))
	if !await(t, "the update", w.ledger.written) {
		t.Error("a new update isn't new")
	}
	if n := testutil.ToFloat64(w.intake.Metrics.long.WithLabelValues("sms")); n != 1 {
		t.Errorf("%v texts counted as too long", n)
	}
}

func TestIntakeRepeatsChangeNothing(t *testing.T) {
	w := newIntake(t, nil)
	body := encode(t, testUpdate(5))
	for i := range 3 {
		w.publish(t, "payments", body)
		if isNew := await(t, "the update", w.ledger.written); isNew != (i == 0) {
			t.Errorf("the update came the %dth time, new is %v", i+1, isNew)
		}
	}
	w.publish(t, "payments", encode(t, testUpdate(4))) // older than what is known
	await(t, "the older update", w.ledger.written)
	s, err := w.ledger.Incident(t.Context(), "payments", "cards")
	if err != nil || len(s.Progress) != 2 || s.Updates != 2 {
		t.Fatalf("incident %+v, %v", s, err)
	}
	if p := s.Progress[1]; p.State != ledger.NotAnnounced || p.Reason == "" {
		t.Errorf("the older update: %+v", p)
	}
	if texts, err := w.ledger.Texts(t.Context(), s.Progress[1].ID); err != nil || len(texts) != 0 {
		t.Errorf("it has texts: %+v, %v", texts, err)
	}
}

func TestIntakeRejects(t *testing.T) {
	data := func(change func(d map[string]any)) []byte {
		var event map[string]any
		if err := json.Unmarshal(encode(t, testUpdate(1)), &event); err != nil {
			t.Fatal(err)
		}
		change(event["data"].(map[string]any))
		b, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ahead, unspeakable, early := testUpdate(1), testUpdate(2), testUpdate(3)
	ahead.Time = ahead.Time.AddDate(1, 0, 0)
	unspeakable.Summary = incident.Text{"en": "unspeakable"}
	early.Status, early.Cause = incident.Postmortem, incident.Text{"en": "A failed disk."}
	unplanned := testUpdate(4)
	unplanned.Playbook = "absent"
	alone := testUpdate(5)
	alone.Automatic = incident.Holding
	w := newIntake(t, nil)
	for _, tt := range []struct {
		name, team string
		body       []byte
		path       string
	}{
		{"no JSON", "payments", []byte("hello"), ""},
		{"nothing", "payments", nil, ""},
		{"no event", "payments", []byte("{}"), ""},
		{"too large", "payments", []byte(strings.Repeat(" ", 1<<20-1024)), "body"},
		{"missing field", "payments", data(func(d map[string]any) { delete(d, "summary") }), "data.summary"},
		{"wrong type", "payments", data(func(d map[string]any) { d["impact"] = "huge" }), "data.impact"},
		{"another team's subject", "loans", encode(t, testUpdate(1)), "data.team"},
		{"ahead of the clock", "payments", encode(t, ahead), "ce.time"},
		{"a text that can't be written", "payments", encode(t, unspeakable), "texts.sms.en"},
		{"a playbook that there isn't", "payments", encode(t, unplanned), "data.playbook"},
		{"a status that can't come first", "payments", encode(t, early), "data.status"},
		{"what Tocsin says by itself, after nothing", "payments", encode(t, alone), "data.follows"},
		{"more faults than a header holds", "payments", data(func(d map[string]any) {
			d["affects"] = map[string]any{"services": make([]int, 20_000)}
		}), ""},
	} {
		w.publish(t, tt.team, tt.body)
		m := await(t, tt.name+" to be rejected", w.rejected)
		var faults []incident.Fault
		if err := json.Unmarshal([]byte(m.Headers().Get(FaultsHeader)), &faults); err != nil || len(faults) == 0 {
			t.Fatalf("%s: faults %q, %v", tt.name, m.Headers().Get(FaultsHeader), err)
		}
		if m.Subject() != "rejected."+tt.team || string(m.Data()) != string(tt.body) || m.Headers().Get("Content-Type") != incident.ContentType {
			t.Errorf("%s: not kept whole: %s, %d bytes, headers %v", tt.name, m.Subject(), len(m.Data()), m.Headers())
		}
		if tt.path != "" && faults[0].Path != tt.path {
			t.Errorf("%s: fault %+v, want one of %s", tt.name, faults[0], tt.path)
		}
		kept, err := w.ledger.Rejections(t.Context(), 1)
		if err != nil || len(kept) != 1 || kept[0].Team != tt.team || string(kept[0].Body) != string(tt.body) || len(kept[0].Faults) == 0 {
			t.Errorf("%s: ledger has %d rejections, %v", tt.name, len(kept), err)
		}
	}
	if all, err := w.ledger.Incidents(t.Context(), 10); err != nil || len(all) != 0 {
		t.Errorf("incidents out of rejected updates: %+v, %v", all, err)
	}
	w.publish(t, "payments", encode(t, testUpdate(1))) // and good ones still go through
	await(t, "a good update", w.ledger.written)
}

func TestIntakeRejectsAnIdThatIsTaken(t *testing.T) {
	w := newIntake(t, nil)
	w.publish(t, "payments", encode(t, testUpdate(1)))
	await(t, "the first update", w.ledger.written)
	other := testUpdate(2)
	other.EventID, other.Incident = testUpdate(1).EventID, "loans"
	w.publish(t, "payments", encode(t, other))
	m := await(t, "the other one to be rejected", w.rejected)
	if faults := m.Headers().Get(FaultsHeader); !strings.Contains(faults, `"ce.id"`) {
		t.Errorf("faults %s", faults)
	}
}

func TestIntakeMerges(t *testing.T) {
	w := newIntake(t, nil)
	merging := testUpdate(2)
	merging.MergedInto, merging.Summary = "datacentre", nil // which renderers can't write
	w.publish(t, "payments", encode(t, merging))
	m := await(t, "merging into an unknown incident to be rejected", w.rejected)
	if faults := m.Headers().Get(FaultsHeader); !strings.Contains(faults, `"data.merged_into"`) || !strings.Contains(faults, "datacentre") {
		t.Errorf("faults %s", faults)
	}
	parent := testUpdate(1)
	parent.Incident = "datacentre"
	after := testUpdate(3)
	for _, u := range []incident.Update{parent, merging, after} {
		w.publish(t, "payments", encode(t, u))
		await(t, "the update", w.ledger.written)
	}
	s, err := w.ledger.Incident(t.Context(), "payments", "cards")
	if err != nil || s.MergedInto != "datacentre" || len(s.Progress) != 2 {
		t.Fatalf("incident %+v, %v", s, err)
	}
	for _, p := range s.Progress {
		if p.State != ledger.NotAnnounced || p.Reason != "merged into datacentre" {
			t.Errorf("update %d: %s, %q", p.ID, p.State, p.Reason)
		}
	}
}

func TestIntakeRejectsACorrectionOfNothing(t *testing.T) {
	w := newIntake(t, nil)
	w.publish(t, "payments", encode(t, testUpdate(1)))
	await(t, "the first update", w.ledger.written)
	correction := testUpdate(2)
	correction.Status, correction.Corrects = incident.Correction, "e-9"
	w.publish(t, "payments", encode(t, correction))
	m := await(t, "the correction to be rejected", w.rejected)
	if faults := m.Headers().Get(FaultsHeader); !strings.Contains(faults, `"data.corrects"`) {
		t.Errorf("faults %s", faults)
	}
}

func TestRejectedHeader(t *testing.T) {
	var faults []incident.Fault
	for range 5000 {
		faults = append(faults, incident.Fault{Path: "data.affects.services", Problem: "is wrong"})
	}
	h, err := rejectedHeader(faults, map[string][]string{
		"ce-id": {"1"}, "Nats-Expected-Last-Sequence": {"7"}, "nats-rollup": {"all"}, "Nats-Msg-Id": {"x"}, "X-Long": {strings.Repeat("x", 64<<10)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if short := h[FaultsHeader][0]; len(short) > maxFaults || !strings.Contains(short, "more faults") {
		t.Errorf("faults of %d bytes: …%s", len(short), short[len(short)-80:])
	}
	for k := range h {
		if k != FaultsHeader && k != "ce-id" {
			t.Errorf("header %s is passed on", k)
		}
	}
}

func TestIntakeTriesAgainWhenTheLedgerFails(t *testing.T) {
	w := newIntake(t, func(w *intakeWorld) { w.ledger.down = 1 })
	w.publish(t, "payments", encode(t, testUpdate(1)))
	if !await(t, "the second try", w.ledger.written) {
		t.Error("the update isn't new")
	}
	if p := progress(t, w.ledger.Ledger); p.State != ledger.Approved {
		t.Errorf("update: %+v", p)
	}
}

// TestIntakeKeepsTheOrder when an update has to wait for the ledger: the one behind it would otherwise be
// recorded first, and it would come too late to be announced.
func TestIntakeKeepsTheOrder(t *testing.T) {
	w := newIntake(t, func(w *intakeWorld) { w.ledger.down = 1 })
	second := *w.intake // another process's
	runs(t, second.Run)
	for i := range 2 {
		w.publish(t, "payments", encode(t, testUpdate(i+1)))
	}
	for range 2 {
		await(t, "the update", w.ledger.written)
	}
	s, err := w.ledger.Incident(t.Context(), "payments", "cards")
	if err != nil || len(s.Progress) != 2 {
		t.Fatalf("incident %+v, %v", s, err)
	}
	for i, p := range s.Progress {
		if want := testUpdate(i + 1).EventID; p.EventID != want || p.State != ledger.Approved {
			t.Errorf("in place %d is %s, %s (%s); want %s, approved", i, p.EventID, p.State, p.Reason, want)
		}
	}
}
