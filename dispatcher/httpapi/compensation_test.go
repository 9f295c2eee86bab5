package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// compensate records an update that grants free fees, and plans it for the customers numbered from 1.
func (st *stage) compensate(t *testing.T, n, customers int, plan bool) {
	t.Helper()
	u := anUpdate()
	u.EventID, u.Time = fmt.Sprint("e-", n), u.Time.Add(time.Duration(n)*time.Minute)
	_, err := st.ledger.RecordUpdate(t.Context(), u, func(i *incident.Incident) (ledger.NewUpdate, error) {
		after, _ := incident.Fold(i, u, u.Time)
		return ledger.NewUpdate{Update: u, Incident: after, State: ledger.Approved, ReceivedAt: u.Time,
			Terms: playbook.Terms{Compensation: []playbook.Option{{ID: "fees", Value: "fee:0"}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !plan {
		return
	}
	next, err := st.ledger.NextToPlan(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	p := ledger.Page{Update: next.ID, Cursor: int64(customers), Last: true, Now: u.Time}
	for n := range customers {
		p.Notifications = append(p.Notifications, ledger.NewNotification{
			Recipient: int64(n + 1), Locale: "en", Outcome: notification.Suppressed, Reason: notification.NoConsent,
		})
	}
	if err := st.ledger.CommitPage(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func (st *stage) compensation(t *testing.T, f audience.Format) (string, error) {
	t.Helper()
	var got bytes.Buffer
	err := st.admin.Compensation(t.Context(), "cards", "c-1", f, &got)
	return got.String(), err
}

// wantStatus holds an error against the status of the answer it came from.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	if e, ok := errors.AsType[*httpapi.Error](err); !ok || e.Status != status || e.Hint == "" {
		t.Errorf("error %v, want status %d and a hint", err, status)
	}
}

func TestCompensation(t *testing.T) {
	st := newStage(t)
	if _, err := st.compensation(t, audience.CSV); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("of no incident: %v", err)
	}
	if err := st.ledger.PutRecipients(t.Context(), []audience.Recipient{{ID: "=1"}, {ID: "c-2"}}); err != nil {
		t.Fatal(err)
	}
	st.record(t, anUpdate())
	_, err := st.compensation(t, audience.CSV)
	wantStatus(t, err, http.StatusConflict)
	st.compensate(t, 2, 2, false)
	_, err = st.compensation(t, audience.CSV)
	wantStatus(t, err, http.StatusConflict)
	st = newStage(t)
	if err := st.ledger.PutRecipients(t.Context(), []audience.Recipient{{ID: "=1"}, {ID: "c-2"}}); err != nil {
		t.Fatal(err)
	}
	st.compensate(t, 2, 2, true)
	table, err := st.compensation(t, audience.CSV)
	want := `id,recipient,option,value,update,event,outcome
id,'=1,fees,fee:0,1,e-2,suppressed
id,c-2,fees,fee:0,1,e-2,suppressed
`
	if diff := cmp.Diff(withoutIDs(want), withoutIDs(table)); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	again, err := st.compensation(t, audience.CSV)
	if err != nil || again != table {
		t.Errorf("asked again: %q, %v", again, err)
	}
	lines, err := st.compensation(t, audience.JSONL)
	if err != nil || strings.Count(lines, "\n") != 2 || !strings.Contains(lines, `"recipient":"=1","option":"fees"`) {
		t.Errorf("lines %s, %v", lines, err)
	}
	if resp, _ := st.ask(t, "GET", "/v1/incidents/cards/c-1/compensation?format=csv", cardsToken, ""); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a team's token is answered %d", resp.StatusCode)
	}
	if resp, _ := st.ask(t, "GET", "/v1/incidents/cards/c-1/compensation?format=pdf", adminToken, ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown format is answered %d", resp.StatusCode)
	}
	if _, err := st.ledger.Retain(t.Context(), time.Now().AddDate(1, 0, 0), time.Now()); err != nil {
		t.Fatal(err)
	}
	_, err = st.compensation(t, audience.CSV)
	wantStatus(t, err, http.StatusGone)
}

// withoutIDs leaves out the first column, of which the ledger's own test says what is in it.
func withoutIDs(table string) string {
	var b strings.Builder
	for line := range strings.Lines(table) {
		_, rest, _ := strings.Cut(line, ",")
		b.WriteString(rest)
	}
	return b.String()
}

func (b *books) AudienceAfter(ctx context.Context, updates []int64, after int64, limit int) ([]ledger.Member, int64, error) {
	if b.people == 0 {
		return b.Ledger.AudienceAfter(ctx, updates, after, limit)
	}
	b.most = max(b.most, limit)
	var all []ledger.Member
	for n := after + 1; n <= min(after+int64(limit), int64(b.people)); n++ {
		all = append(all, ledger.Member{Number: n, Recipient: fmt.Sprint("c-", n), Update: updates[0], Outcome: "reached"})
	}
	return all, after + int64(len(all)), nil
}

// TestCompensationOfVeryMany: the list is as long as it must be, what is read at once isn't.
func TestCompensationOfVeryMany(t *testing.T) {
	st := newStage(t)
	st.compensate(t, 1, 0, true)
	st.ledger.people = 300_000
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(st.admin.Compensation(t.Context(), "cards", "c-1", audience.JSONL, w)) }()
	lines, buffer := 0, make([]byte, 64<<10)
	for {
		n, err := r.Read(buffer)
		lines += bytes.Count(buffer[:n], []byte("\n"))
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if lines != st.ledger.people || st.ledger.most > 10_000 {
		t.Errorf("%d lines, at most %d read at once", lines, st.ledger.most)
	}
}
