package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// foresee knows the future of every update whose summary isn't "nonsense".
func foresee(_ context.Context, u incident.Update) (forecast.Forecast, error) {
	switch u.Summary.In("en") {
	case "nonsense":
		return forecast.Forecast{}, &incident.FaultError{Faults: []incident.Fault{{Path: "data.summary.en", Problem: "is nonsense"}}}
	case "full":
		return forecast.Forecast{}, ledger.ErrFull
	}
	return forecast.Forecast{Audience: forecast.Audience{Recipients: 7}}, nil
}

func TestForecastOfADraft(t *testing.T) {
	st := newStage(t)
	f, err := st.admin.ForecastDraft(t.Context(), encoded(t, anUpdate()))
	if err != nil || f.Audience.Recipients != 7 {
		t.Errorf("%+v, %v", f, err)
	}
	says := func(text string) string {
		u := anUpdate()
		u.Summary = incident.Text{"en": text}
		return string(encoded(t, u))
	}
	other := anUpdate()
	other.Team = "loans"
	for _, tt := range []struct {
		name, token, body string
		status            int
		says              string
	}{
		{"no token", "", says("Cards fail."), http.StatusUnauthorized, ""},
		{"the team's own", cardsToken, says("Cards fail."), http.StatusOK, `"recipients":7`},
		{"another team's", cardsToken, string(encoded(t, other)), http.StatusForbidden, "loans"},
		{"no update", adminToken, "{}", http.StatusUnprocessableEntity, "would not go out"},
		{"what the texts refuse", adminToken, says("nonsense"), http.StatusUnprocessableEntity, "is nonsense"},
		{"the ledger fails", adminToken, says("full"), http.StatusInsufficientStorage, "full"},
		{"too long", adminToken, strings.Repeat(" ", incident.MaxSize+1), http.StatusRequestEntityTooLarge, ""},
	} {
		resp, text := st.ask(t, "POST", "/v1/forecasts", tt.token, tt.body, "Content-Type", incident.ContentType)
		if resp.StatusCode != tt.status || !strings.Contains(text, tt.says) {
			t.Errorf("%s: %d %s", tt.name, resp.StatusCode, text)
		}
	}
	if len(st.bus.updates) != 0 || len(st.rejected) != 0 {
		t.Errorf("something was published or kept: %+v, %+v", st.bus.updates, st.rejected)
	}
	cookie := st.login(t, adminToken)
	if resp, _ := st.ask(t, "POST", "/v1/forecasts", "", says("Cards fail."), "Cookie", cookie); resp.StatusCode == http.StatusOK {
		t.Error("a page can have the directory read")
	}
}

func TestForecastOfAnUpdate(t *testing.T) {
	st := newStage(t)
	st.record(t, anUpdate())
	_, err := st.admin.Forecast(t.Context(), 1)
	if !errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), "within moments") {
		t.Errorf("before it is made: %v", err)
	}
	if err := st.ledger.RecordForecast(t.Context(), 1, []byte(`{"audience":{"recipients":9}}`)); err != nil {
		t.Fatal(err)
	}
	if f, err := st.admin.Forecast(t.Context(), 1); err != nil || f.Audience.Recipients != 9 {
		t.Errorf("%+v, %v", f, err)
	}
	for _, path := range []string{"/v1/updates/2/forecast", "/v1/updates/x/forecast"} {
		if resp, _ := st.ask(t, "GET", path, adminToken, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestForecastWithoutTexts(t *testing.T) {
	st := newStage(t)
	st.api.Forecast = nil
	if resp, text := st.ask(t, "POST", "/v1/forecasts", adminToken, string(encoded(t, anUpdate()))); resp.StatusCode != http.StatusNotImplemented || !strings.Contains(text, "role dispatcher") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

// TestOneDraftAtATime: each reads the whole directory.
func TestOneDraftAtATime(t *testing.T) {
	st := newStage(t)
	const asked = 4
	var running atomic.Int32
	st.api.Forecast = func(context.Context, incident.Update) (forecast.Forecast, error) {
		defer running.Add(-1)
		if n := running.Add(1); n > 1 {
			t.Errorf("%d at once", n)
		}
		runtime.Gosched() // let the others in, if they can
		return forecast.Forecast{}, nil
	}
	event, answered := encoded(t, anUpdate()), make(chan error, asked)
	for range asked {
		go func() {
			_, err := st.admin.ForecastDraft(t.Context(), event)
			answered <- err
		}()
	}
	for range asked {
		if err := <-answered; err != nil {
			t.Error(err)
		}
	}
}
