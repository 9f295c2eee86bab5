package httpapi_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// as is a client of somebody's.
func (st *stage) as(t testing.TB, token string) *httpapi.Client {
	c := httpapi.NewClient(st.URL, token)
	t.Cleanup(c.Close)
	return c
}

// seen is what there is to see of an update.
func (st *stage) seen(t testing.TB, id int64) string {
	t.Helper()
	v, err := st.admin.Update(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return v.Seen
}

// letGo has somebody approve an update.
func (st *stage) letGo(t testing.TB, id int64) error {
	_, err := st.admin.Approve(t.Context(), id, httpapi.Word{By: "Ana", Seen: st.seen(t, id)})
	return err
}

// refusalOf is what an answer says that it is no success.
func refusalOf(t *testing.T, err error, status int, words string) {
	t.Helper()
	e, ok := errors.AsType[*httpapi.Error](err)
	if !ok || e.Status != status || !strings.Contains(e.Message+" "+e.Hint, words) {
		t.Errorf("error %v, want %d with %q", err, status, words)
	}
}

// said is how often something was said of held updates, as counted.
func (st *stage) said(t *testing.T, word string) (n float64) {
	t.Helper()
	families, err := st.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "tocsin_http_approvals_total" && m.GetLabel()[0].GetValue() == word {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func TestApprove(t *testing.T) {
	st := newStage(t)
	st.record(t, anUpdate())
	seen := st.seen(t, 1)
	for _, tt := range []struct {
		token  string
		w      httpapi.Word
		status int
		want   string
	}{
		{adminToken, httpapi.Word{Seen: seen}, 400, "by must name"},
		{adminToken, httpapi.Word{By: " ", Seen: seen}, 400, "by must name"},
		{adminToken, httpapi.Word{By: "Ana\nRusu", Seen: seen}, 400, "line breaks"},
		{adminToken, httpapi.Word{By: "Ana"}, 400, "GET /v1/updates/1"},
		{adminToken, httpapi.Word{By: "Ana", Seen: "other"}, 409, "look at it again"},
		{adminToken, httpapi.Word{By: "Ana", Seen: seen, BreakGlass: true}, 400, "reason"},
		{anaToken, httpapi.Word{By: "Ion Ceban", Seen: seen}, 400, "is Ana Rusu's"},
		{loansToken, httpapi.Word{Seen: seen}, 403, `team "loans"`},
		{cardsToken, httpapi.Word{Seen: seen}, 403, "approves: true"},
	} {
		_, err := st.as(t, tt.token).Approve(t.Context(), 1, tt.w)
		refusalOf(t, err, tt.status, tt.want)
	}
	r, err := st.admin.Approve(t.Context(), 1, httpapi.Word{By: "Ana Rusu", Seen: seen})
	if err != nil || r.State != ledger.Approved {
		t.Fatalf("%+v, %v", r, err)
	}
	u, err := st.ledger.Update(t.Context(), 1)
	if err != nil || u.State != ledger.Approved || u.ApprovedBy != "Ana Rusu (by token ops)" {
		t.Errorf("update %+v, %v", u, err)
	}
	if err := st.letGo(t, 1); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("again: %v", err)
	}
	_, err = st.admin.Approve(t.Context(), 99, httpapi.Word{By: "Ana", Seen: seen})
	refusalOf(t, err, 404, "no such update")
	older, newer := anUpdate(), anUpdate()
	older.EventID, newer.EventID = "older", "newer"
	st.record(t, older)
	st.record(t, newer)
	if err := st.letGo(t, 3); err != nil {
		t.Fatal(err)
	}
	refusalOf(t, st.letGo(t, 2), 409, "newer")
	resp, _ := st.ask(t, "POST", "/v1/updates/first/approve", adminToken, "{}")
	if resp.StatusCode != 404 {
		t.Errorf("no number: %d", resp.StatusCode)
	}
	resp, _ = st.ask(t, "POST", "/v1/updates/1/approve", adminToken, `{"sean": ""}`)
	if resp.StatusCode != 400 {
		t.Errorf("an unknown field: %d", resp.StatusCode)
	}
}

func TestApproveByTwo(t *testing.T) {
	st := newStage(t)
	st.hold(t, anUpdate(), 2)
	seen := httpapi.Word{Seen: st.seen(t, 1)}
	r, err := st.as(t, anaToken).Approve(t.Context(), 1, seen)
	if err != nil || r.State != ledger.Held || r.Missing != 1 {
		t.Fatalf("the first: %+v, %v", r, err)
	}
	_, err = st.as(t, anaToken).Approve(t.Context(), 1, seen)
	refusalOf(t, err, 409, "Ana Rusu has approved it already")
	_, err = st.admin.Approve(t.Context(), 1, httpapi.Word{By: "Ion Ceban", Seen: seen.Seen})
	refusalOf(t, err, 403, "needs 2 different people")
	v, err := st.as(t, ionToken).Update(t.Context(), 1)
	if err != nil || v.You != (httpapi.Caller{Account: "ion", Person: "Ion Ceban", Approves: true}) || !slices.Equal(v.Approvers, []string{"Ana Rusu", "Ion Ceban"}) ||
		v.Approval.Missing != 1 || len(v.Texts) != 1 || v.Texts[0].Content.Text.Sample() != "Cards fail." {
		t.Errorf("what the second sees: %+v, %v", v, err)
	}
	held, asOf, err := st.as(t, ionToken).HeldUpdates(t.Context())
	if err != nil || asOf.IsZero() || len(held) != 1 || held[0].Said[0].By != "Ana Rusu" {
		t.Errorf("what waits: %+v, %v", held, err)
	}
	if err := st.ledger.RecordForecast(t.Context(), 1, []byte(`{"audience":7}`)); err != nil {
		t.Fatal(err)
	}
	_, err = st.as(t, ionToken).Approve(t.Context(), 1, seen)
	refusalOf(t, err, 409, "forecast was made meanwhile")
	if v, err = st.as(t, ionToken).Update(t.Context(), 1); err != nil || string(v.Forecast) != `{"audience":7}` {
		t.Errorf("forecast %s, %v", v.Forecast, err)
	}
	r, err = st.as(t, ionToken).Approve(t.Context(), 1, httpapi.Word{Seen: v.Seen})
	if err != nil || r.State != ledger.Approved {
		t.Errorf("the second: %+v, %v", r, err)
	}
	if n := st.said(t, "approval"); n != 2 {
		t.Errorf("%v approvals counted, want 2", n)
	}
}

func TestBreakGlassAndRefuse(t *testing.T) {
	st := newStage(t)
	st.hold(t, anUpdate(), 2)
	r, err := st.as(t, anaToken).Approve(t.Context(), 1, httpapi.Word{Seen: st.seen(t, 1), BreakGlass: true, Why: "alone, and it burns"})
	if err != nil || r.State != ledger.Approved || r.Said[0].Word != ledger.SaidBreakGlass {
		t.Errorf("break-glass: %+v, %v", r, err)
	}
	other := anUpdate()
	other.EventID = "e-2"
	st.hold(t, other, 2)
	_, err = st.as(t, ionToken).Refuse(t.Context(), 2, httpapi.Word{})
	refusalOf(t, err, 400, "reason")
	_, err = st.as(t, ionToken).Refuse(t.Context(), 2, httpapi.Word{Why: "x", BreakGlass: true})
	refusalOf(t, err, 400, "leave it out")
	r, err = st.as(t, ionToken).Refuse(t.Context(), 2, httpapi.Word{Why: "wrong region"})
	if err != nil || r.State != ledger.NotAnnounced || r.Reason != "refused by Ion Ceban: wrong region" {
		t.Errorf("refusal: %+v, %v", r, err)
	}
	_, err = st.as(t, ionToken).Refuse(t.Context(), 2, httpapi.Word{Why: "wrong region"})
	refusalOf(t, err, 409, "not held")
	for word, want := range map[string]float64{"break_glass": 1, "refusal": 1, "approval": 0} {
		if n := st.said(t, word); n != want {
			t.Errorf("%v words %s counted, want %v", n, word, want)
		}
	}
}
