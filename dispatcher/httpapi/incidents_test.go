package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestIncidents(t *testing.T) {
	st := newStage(t)
	if _, text := st.ask(t, "GET", "/v1/incidents", cardsToken, ""); text != "[]\n" {
		t.Errorf("no incidents: %q", text)
	}
	st.record(t, anUpdate())
	all, err := st.admin.Incidents(t.Context(), 5)
	if err != nil || len(all) != 1 || all[0].ID != "c-1" || len(all[0].Progress) != 1 {
		t.Fatalf("incidents %+v, %v", all, err)
	}
	one, err := st.admin.Incident(t.Context(), "cards", "c-1")
	if diff := cmp.Diff(all[0], one); err != nil || diff != "" {
		t.Errorf("incident: %v\n%s", err, diff)
	}
	report, err := st.admin.Report(t.Context(), "cards", "c-1")
	if err != nil || report.Incident != "c-1" || len(report.Updates) != 1 {
		t.Errorf("report %+v, %v", report, err)
	}
	if _, err := st.admin.Incident(t.Context(), "cards", "c-2"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	for _, path := range []string{"/v1/incidents?limit=0", "/v1/incidents?limit=x", "/v1/rejections?limit=1001", "/v1/incidents/cards/c-1/report?format=pdf"} {
		if resp, _ := st.ask(t, "GET", path, adminToken, ""); resp.StatusCode != 400 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestReportCSV(t *testing.T) {
	st := newStage(t)
	st.record(t, anUpdate())
	st.ledger.lines = []ledger.RecipientReport{
		{Update: 1, Recipient: `=HYPERLINK("x")`, Outcome: "reached", Channel: "sms", Proof: "delivered", SettledAt: time.Date(2026, 5, 4, 18, 0, 0, 1e6, time.UTC)},
		{Update: 1, Recipient: "+1,2", Outcome: "unreachable", Reason: "no_address", Proof: "none"},
	}
	var got bytes.Buffer
	if err := st.admin.ReportCSV(t.Context(), "cards", "c-1", &got); err != nil {
		t.Fatal(err)
	}
	want := `update,recipient,outcome,reason,channel,proof,settled_at
1,"'=HYPERLINK(""x"")",reached,,sms,delivered,2026-05-04T18:00:00.001Z
1,"'+1,2",unreachable,no_address,,none,
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	if err := st.admin.ReportCSV(t.Context(), "cards", "c-2", &got); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestRejections(t *testing.T) {
	st := newStage(t)
	at := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	for _, r := range []ledger.Rejection{
		{Team: "cards", At: at, Faults: []incident.Fault{{Path: "body", Problem: "is not UTF-8"}}, Body: []byte("\xff\x00")},
		{Team: "web", At: at, Faults: []incident.Fault{{Path: "data", Problem: "is missing"}}, Body: []byte(`{"a":"ț"}`)},
	} {
		if err := st.ledger.RecordRejection(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	want, err := st.ledger.Ledger.Rejections(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	got, err := st.admin.Rejections(t.Context(), 0)
	if diff := cmp.Diff(want, got); err != nil || len(got) != 2 || diff != "" {
		t.Errorf("rejections: %v\n%s", err, diff)
	}
	_, text := st.ask(t, "GET", "/v1/rejections", cardsToken, "")
	var seen []map[string]any
	if err := json.Unmarshal([]byte(text), &seen); err != nil || len(seen) != 1 || seen[0]["body_base64"] != "/wA=" {
		t.Errorf("a team sees %s, %v", text, err)
	}
}

// TestWatch also checks that a stream ends with the server.
func TestWatch(t *testing.T) {
	st := newStage(t)
	st.record(t, anUpdate())
	seen := make(chan []ledger.IncidentSummary, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- st.admin.Watch(context.Background(), func(all []ledger.IncidentSummary) { seen <- all })
	}()
	if all := <-seen; len(all) != 1 || all[0].Status != incident.Investigating {
		t.Errorf("at first: %+v", all)
	}
	next := anUpdate()
	next.EventID, next.Status, next.Time = "e-2", incident.Identified, next.Time.Add(time.Minute)
	st.record(t, next)
	if all := <-seen; len(all) != 1 || all[0].Status != incident.Identified {
		t.Errorf("then: %+v", all)
	}
	st.api.EndStreams()
	if err := <-ended; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ended with %v", err)
	}
	if len(seen) > 0 {
		t.Errorf("also saw %+v", <-seen)
	}
}

func TestEventsTellOfRejections(t *testing.T) {
	st := newStage(t)
	if err := st.ledger.RecordRejection(t.Context(), ledger.Rejection{Team: "web", Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", st.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", st.login(t, cardsToken))
	resp, err := st.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	want := "event: incidents\ndata: []\n\nevent: rejections\ndata: {\"newest\":1}\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v: %s", err, got)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	st := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := st.admin.Watch(ctx, func([]ledger.IncidentSummary) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestHealth(t *testing.T) {
	st := newStage(t)
	if resp, _ := st.ask(t, "GET", "/healthz", "", ""); resp.StatusCode != 200 {
		t.Errorf("/healthz: %d", resp.StatusCode)
	}
	if err := st.admin.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	st.mu.Lock()
	st.unready = errors.Join(errors.New("nats: not connected"), errors.New("ledger: disk full"))
	st.mu.Unlock()
	resp, text := st.ask(t, "GET", "/readyz", "", "")
	if resp.StatusCode != 503 || !strings.Contains(text, `"failing":["nats: not connected","ledger: disk full"]`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if err := st.admin.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("not ready: %v", err)
	}
	if resp, text := st.ask(t, "GET", "/v1/schemas/incident-update.json", "", ""); resp.StatusCode != 200 || text != string(incident.Schema()) {
		t.Errorf("schema: %d", resp.StatusCode)
	}
}
