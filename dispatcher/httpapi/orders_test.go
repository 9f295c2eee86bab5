package httpapi_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// obey has orders carried out as they come, as an engine would.
func (st *stage) obey(t *testing.T) {
	st.bus.ordered = func(_ string, body []byte) error {
		var o ledger.Order
		if err := json.Unmarshal(body, &o); err != nil {
			t.Error(err)
		}
		_, err := st.ledger.CarryOut(t.Context(), o, time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC))
		return err
	}
}

func TestOrder(t *testing.T) {
	st := newStage(t)
	st.obey(t)
	st.record(t, anUpdate())
	pause := ledger.Order{ID: "p", Verb: ledger.Pause, Update: 1, By: "Ana Rusu", Why: "wrong region"}
	r, err := st.admin.Order(t.Context(), pause)
	if err != nil || r.DoneAt.IsZero() || r.Team != "cards" || !strings.Contains(r.Result, "paused") {
		t.Fatalf("%+v, %v", r, err)
	}
	if again, err := st.admin.Order(t.Context(), pause); err != nil || again.Result != r.Result {
		t.Errorf("again: %+v, %v", again, err)
	}
	pause.ID = ""
	_, err = st.admin.Order(t.Context(), pause)
	if e, ok := errors.AsType[*httpapi.Error](err); !ok || e.Status != 409 || !strings.Contains(e.Message, "already") {
		t.Errorf("a refused one: %v", err)
	}
	if resp, text := st.ask(t, "GET", "/v1/orders/p", cardsToken, ""); resp.StatusCode != 200 || !strings.Contains(text, "wrong region") {
		t.Errorf("its report: %d %s", resp.StatusCode, text)
	}
	if resp, _ := st.ask(t, "GET", "/v1/orders/q", cardsToken, ""); resp.StatusCode != 404 {
		t.Errorf("of none: %d", resp.StatusCode)
	}
}

func TestOrderSaysWhatIsWrong(t *testing.T) {
	st := newStage(t)
	for body, want := range map[string]string{
		`{`: "not an order",
		`{"verb": "pause", "update": 1, "why": "x"}`:                              "by",
		`{"verb": "pause", "update": 1, "by": "x"}`:                               "why",
		`{"verb": "pause", "by": "x", "why": "x"}`:                                "needs an incident or an update",
		`{"verb": "dance", "by": "x", "why": "x"}`:                                "dance",
		`{"verb": "move", "by": "x", "why": "x"}`:                                 "needs a channel",
		`{"verb": "budget", "team": "a", "incident": "b", "by": "x", "why": "x"}`: "segments",
		`{"verb": "pause", "update": 1, "by": "x", "why": "x\ny"}`:                "line breaks",
		`{"verb": "pause", "updte": 1, "by": "x", "why": "x"}`:                    "updte",
	} {
		resp, text := st.ask(t, "POST", "/v1/orders", adminToken, body)
		if resp.StatusCode != 400 || !strings.Contains(problemOf(t, text).Error, want) {
			t.Errorf("%s: %d %s, want 400 that says %q", body, resp.StatusCode, text, want)
		}
	}
	st.bus.fail(bus.ErrFull)
	if resp, _ := st.ask(t, "POST", "/v1/orders", adminToken, `{"verb": "pause", "update": 1, "by": "x", "why": "x"}`); resp.StatusCode != 503 {
		t.Errorf("not stored: %d", resp.StatusCode)
	}
}
