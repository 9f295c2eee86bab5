package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

// TestNightsStayWithinTheirForecasts plays every scenario's updates by its bank's playbooks, approved by as many
// people as they ask for, with one channel failing (it takes everything and delivers nothing) and a tenth of all
// addresses refused on every other: what comes of each update is within its forecast, and whoever was to be told
// of the compensation is in its list.
//
// None of the figures depends on how fast this machine is. Counts, segments and money follow from the sandbox's
// conduct: a share that is refused at random stays within four standard deviations of a bad day's. The time
// until the last is reached has a lower bound that slowness only raises (rates and waits), and an upper one that
// has minutes to spare: on a bad day a receipt may come as late as SMS waits for it, which here is ten minutes.
func TestNightsStayWithinTheirForecasts(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playNight(t, name)
		})
	}
}

func playNight(t *testing.T, name string) {
	s, err := scenarios.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	playbooks := t.TempDir()
	own, err := scenarios.Playbooks()
	if err == nil {
		err = os.CopyFS(playbooks, own)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := newTown(t, func(cfg map[string]any) { bankOf(cfg, &s, playbooks) })
	for _, provider := range []string{"smtp", "viber", "twilio"} {
		w.sandbox.Desk(provider).SetConduct(sandbox.Conduct{Refuse: 0.10})
	}
	w.sandbox.Desk("viber").SetConduct(sandbox.Conduct{Mode: sandbox.Mute})
	w.customers(bankCustomers(t, &s)...)
	n, last, said := 0, ledger.UpdateReport{}, incident.Update{}
	for _, e := range s.Events {
		if e.Update == nil {
			continue
		}
		n++
		u := w.say(e.Update, n)
		w.approved(&u, n)
		said = u
		last = w.judged(&u, n)
		c := last.Forecast
		if !c.Within {
			t.Errorf("%s, update %d: not within the forecast: %+v", u.Status, n, c.Missed())
		}
		if n == 1 {
			checkSurge(t, c)
		}
	}
	var list bytes.Buffer
	if err := w.client.Compensation(t.Context(), "operations", said.Incident, audience.JSONL, &list); err != nil {
		t.Fatal(err)
	}
	if n := int64(bytes.Count(list.Bytes(), []byte("\n"))); n != last.Audience || n == 0 {
		t.Errorf("%d customers are made good, %d were to be told so", n, last.Audience)
	}
}

// checkSurge holds the first update, before which nobody knew that anything fails, to the range from the usual
// case to the worst: everything that the failing channel causes is beyond what is usual.
func checkSurge(t *testing.T, c *forecast.Comparison) {
	t.Helper()
	seen := map[forecast.FigureName]forecast.Figure{}
	for _, f := range c.Figures {
		if f.Channel == "" || f.Channel == "sms" && f.Name == forecast.FigureAttempts {
			seen[f.Name] = f
		}
	}
	for _, name := range []forecast.FigureName{forecast.FigureAttempts, forecast.FigureSegments, forecast.FigureMoney, forecast.FigureLast} {
		f, ok := seen[name]
		if !ok || f.Expected == 0 || f.Actual < f.Expected || f.Actual > f.Most {
			t.Errorf("%s: %+v, want it from the expected to the worst case", name, f)
		}
	}
	if f := seen[forecast.FigureReached]; f.Actual > f.Expected || f.Actual < f.Least {
		t.Errorf("reached: %+v, want it from the worst to the expected case", f)
	}
}

// approvers are the tokens of those who let updates go.
var approvers = []string{"ana's own token of a night", "ion's own token of a night"}

// approved has the n-th update approved by as many people as its playbook asks for, once there is its forecast.
func (w *town) approved(u *incident.Update, n int) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !w.letGo(u, n); {
		if time.Now().After(deadline) {
			w.t.Fatalf("update %d can't be approved", n)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-w.t.Context().Done():
		}
	}
}

// letGo reports whether the n-th update has been let go, and has those who may do their part.
func (w *town) letGo(u *incident.Update, n int) bool {
	s, err := w.client.Incident(w.t.Context(), u.Team, u.Incident)
	if err != nil || len(s.Progress) < n {
		return false
	}
	v, err := w.client.Update(w.t.Context(), s.Progress[n-1].ID)
	if err != nil || v.State != ledger.Held {
		return err == nil
	}
	for _, token := range approvers { // one too many is answered that it is not held any more
		if len(v.Forecast) == 0 {
			break
		}
		_, err := httpapi.NewClient(w.url, token).Approve(w.t.Context(), v.ID, httpapi.Word{Seen: v.Seen})
		if err != nil && !errors.Is(err, ledger.ErrConflict) {
			w.t.Fatal(err)
		}
	}
	return false
}

// bankOf makes a configuration that of a scenario's bank.
func bankOf(cfg map[string]any, s *scenarios.Scenario, playbooks string) {
	cfg["playbooks"] = playbooks
	cfg["http"].(map[string]any)["tokens"] = []map[string]any{
		{"name": "ana", "token": approvers[0], "approves": true, "person": "Ana Rusu"},
		{"name": "ion", "token": approvers[1], "approves": true, "person": "Ion Munteanu"},
	}
	cfg["organisation"], cfg["locale"], cfg["zone"], cfg["status_page"] = s.Bank.Organisation, s.Bank.Locale, s.Bank.Zone, s.Bank.Link
	cfg["catalogue"] = map[string]any{"services": s.Bank.Services, "regions": s.Bank.Regions}
	cfg["prices"] = map[string]any{"currency": "MDL", "MD": 0.31, "default": 0.5}
	for channel, settings := range cfg["channels"].(map[string]any) {
		c := settings.(map[string]any)
		c["rate"] = map[string]int{"sms": 300, "viber": 200, "email": 300}[channel]
		c["wait"] = map[string]string{"sms": "10m", "viber": "1s", "email": "1s"}[channel]
	}
}

// bankCustomers are customers of a scenario's bank, on the channels of the town.
func bankCustomers(t *testing.T, s *scenarios.Scenario) []string {
	t.Helper()
	mix := audience.DefaultMix()
	var channels []audience.MixChannel
	for _, c := range mix.Channels {
		if weight, ok := s.Customers.Preferred[c.Name]; ok {
			c.Weight = weight
		}
		if c.Name != "telegram" {
			channels = append(channels, c)
		}
	}
	mix.Channels = channels
	var lines []string
	for r := range audience.Generate(600, 1, mix) {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return lines
}

// say publishes the n-th update of a scenario, as if it were said now.
func (w *town) say(data scenarios.Object, n int) incident.Update {
	w.t.Helper()
	u := incident.Update{Source: "test", EventID: fmt.Sprint("event-", n), Time: time.Now().UTC(), Sequence: fmt.Sprint(n)}
	if err := json.Unmarshal(data, &u.Data); err != nil {
		w.t.Fatal(err)
	}
	u.NextUpdateAt = nil // a time of the story's, not of this night's
	body, err := incident.Encode(u)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.client.Publish(w.t.Context(), body); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// judged waits until the n-th update is over and held against its forecast.
func (w *town) judged(u *incident.Update, n int) ledger.UpdateReport {
	w.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		r, err := w.client.Report(w.t.Context(), u.Team, u.Incident)
		if err == nil && len(r.Updates) == n && r.Updates[n-1].Forecast != nil {
			return r.Updates[n-1]
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("update %d is not over, or has no forecast: %+v, %v", n, r, err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-w.t.Context().Done():
		}
	}
}

// TestDraftIsForecast: a draft's forecast is made by the running server, and nothing of it is recorded.
func TestDraftIsForecast(t *testing.T) {
	w := newTown(t, nil)
	w.customers(customer("well", "viber", "+37369000001", "AAAAAAAAAAAAAAAAAAAA10=="), customer("texted", "sms", "+40722000050", "+40722000050"))
	u := incident.Update{Source: "test", EventID: "draft", Time: time.Now().UTC(), Data: incident.Data{
		Team: "ops", Incident: "night", Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Critical, StartedAt: time.Now().UTC(),
		Affects: incident.Audience{Services: []string{"cards"}}, Summary: incident.Text{"en": "Cards fail.", "ro": "Cardurile nu merg.", "ru": "Карты не работают."},
	}}
	body, err := incident.Encode(u)
	if err != nil {
		t.Fatal(err)
	}
	f, err := w.client.ForecastDraft(t.Context(), body)
	if err != nil || f.Audience.Recipients != 2 || len(f.Channels) != 2 || f.Segments.Most < 2 {
		t.Errorf("%+v, %v", f, err)
	}
	if all, err := w.client.Incidents(t.Context(), 0); err != nil || len(all) != 0 {
		t.Errorf("incidents after a draft: %+v, %v", all, err)
	}
	u.Playbook = "no-such-playbook"
	if body, err = incident.Encode(u); err != nil {
		t.Fatal(err)
	}
	if _, err = w.client.ForecastDraft(t.Context(), body); err == nil || !strings.Contains(err.Error(), "no-such-playbook") {
		t.Errorf("a playbook that there isn't: %v", err)
	}
}
