package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

func TestPublishBothModes(t *testing.T) {
	st := newStage(t)
	event := encoded(t, anUpdate())
	var parts struct{ Data json.RawMessage }
	if err := json.Unmarshal(event, &parts); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode, token, body string
		headers           []string
	}{
		{"structured", cardsToken, string(event), []string{"Content-Type", incident.ContentType}},
		{"binary", anyToken, string(parts.Data), []string{
			"Content-Type", "application/json", "ce-specversion", "1.0", "ce-type", incident.EventType,
			"ce-source", "/cards", "ce-id", "e-1", "ce-time", "2026-05-04T17:45:00Z",
		}},
		{"by an admin", adminToken, string(event), nil},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			resp, text := st.ask(t, "POST", "/v1/updates", tt.token, tt.body, tt.headers...)
			want := `{"source":"/cards","id":"e-1","team":"cards","incident":"c-1"}` + "\n"
			if resp.StatusCode != http.StatusAccepted || text != want {
				t.Fatalf("%d %s", resp.StatusCode, text)
			}
			got := st.bus.updates[len(st.bus.updates)-1]
			if got.team != "cards" || got.contentType != incident.ContentType || got.body != string(event) {
				t.Errorf("published %+v", got)
			}
		})
	}
}

func TestPublishRefuses(t *testing.T) {
	bad := strings.Replace(string(encoded(t, anUpdate())), `"major"`, `"huge"`, 1)
	other := anUpdate()
	other.Team = "web"
	for _, tt := range []struct {
		name, token, body string
		status            int
		keptFor           string
	}{
		{"faults, of the token's team", cardsToken, bad, 422, "cards"},
		{"faults, of the event's team", anyToken, bad, 422, "cards"},
		{"no event", anyToken, "{", 422, "unknown"},
		{"a team that is no part of a subject", anyToken, `{"data":{"team":"a.>"}}`, 422, "unknown"},
		{"another team's", cardsToken, string(encoded(t, other)), 403, "cards"},
		{"too large", anyToken, strings.Repeat(" ", incident.MaxSize+1), 413, ""},
		{"no token", "", bad, 401, ""},
		{"wrong token", adminToken + "x", bad, 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := newStage(t)
			resp, text := st.ask(t, "POST", "/v1/updates", tt.token, tt.body,
				"Content-Type", incident.ContentType, "Ce-Extra", "1", "Cookie", "a=b")
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d: %s", resp.StatusCode, text)
			}
			p := problemOf(t, text)
			if (len(p.Faults) > 0) != (tt.status == 422) {
				t.Errorf("faults %v", p.Faults)
			}
			st.checkKept(t, tt.keptFor, tt.body)
			if len(st.bus.updates) > 0 {
				t.Error("published")
			}
		})
	}
}

func (st *stage) checkKept(t *testing.T, team, body string) {
	t.Helper()
	if team == "" {
		if len(st.rejected) > 0 {
			t.Errorf("kept %+v", st.rejected)
		}
		return
	}
	if len(st.rejected) != 1 || st.rejected[0].Team != team || string(st.rejected[0].Body) != body || len(st.rejected[0].Faults) == 0 {
		t.Fatalf("kept %+v, want one of %s", st.rejected, team)
	}
	header := st.rejected[0].header
	if header["Ce-Extra"] == nil || header["Authorization"] != nil || header["Cookie"] != nil {
		t.Errorf("header %v", header)
	}
}

func TestPublishNotStored(t *testing.T) {
	st := newStage(t)
	st.bus.fail(bus.ErrFull)
	resp, text := st.ask(t, "POST", "/v1/updates", cardsToken, string(encoded(t, anUpdate())))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v: %s", resp.StatusCode, resp.Header, text)
	}
}

func TestClientPublish(t *testing.T) {
	st := newStage(t)
	if err := st.admin.Publish(t.Context(), encoded(t, anUpdate())); err != nil {
		t.Error(err)
	}
	err := st.admin.Publish(t.Context(), []byte("{}"))
	e, ok := errors.AsType[*httpapi.Error](err)
	if !ok || e.Status != 422 || len(e.Faults) == 0 || !strings.Contains(err.Error(), e.Faults[0].Path) {
		t.Errorf("error %v", err)
	}
}
