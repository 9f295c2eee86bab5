package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// TestWhoIsTold follows an outage of which another one turns out to be a part, from the first word to
// its end, and lets the providers say who got what.
func TestWhoIsTold(t *testing.T) {
	w := newTown(t, nil)
	const (
		viber   = "AAAAAAAAAAAAAAAAAAAA10==" // reads
		blocked = "AAAAAAAAAAAAAAAAAAAA19==" // refused
		silent  = "AAAAAAAAAAAAAAAAAAAA18==" // takes it, and says nothing
	)
	w.customers(
		customer("reads", "viber", "+37369000001", viber),
		customer("blocked", "viber", "+37369000011", blocked),
		customer("silent", "viber", "+37369000021", silent),
		strings.Replace(customer("late", "sms", "+37369000030", "+37369000030"), `"cards"`, `"atm"`, 1),
	)
	of := func(key string, change func(*incident.Update)) func(*incident.Update) {
		return func(u *incident.Update) {
			u.Incident = key
			if change != nil {
				change(u)
			}
		}
	}
	w.publish(incident.Investigating, 1, nil)
	w.report(1)
	blockedNow, err := w.client.Customer(t.Context(), "blocked")
	if err != nil || !blockedNow.DeadOn("viber") || blockedNow.DeadOn("sms") {
		t.Errorf("the refused address is remembered as %+v, %v", blockedNow.Dead, err)
	}
	// A second outage, of cash machines, hits others; then it proves to be the same.
	w.publish(incident.Investigating, 2, of("machines", func(u *incident.Update) { u.Affects = incident.Audience{Recipients: []string{"late"}} }))
	w.reportOf("machines", 1)
	w.publish(incident.Identified, 3, of("machines", func(u *incident.Update) {
		u.Affects, u.MergedInto, u.Summary = incident.Audience{Recipients: []string{"late"}}, "night", nil
	}))
	w.reportOf("machines", 2)

	// Only those whom it still affects, and all of the merged one; each starts where it worked.
	w.publish(incident.Identified, 4, func(u *incident.Update) { u.Affects = incident.Audience{Recipients: []string{"silent"}} })
	second := w.report(2).Updates[1]
	if second.Audience != 2 || second.ReachedByFallback != 0 || second.Count("sms", ledger.Planned) != 2 {
		t.Errorf("the next update: %+v, want two told by sms at once", second)
	}
	w.publish(incident.Resolved, 5, func(u *incident.Update) {
		u.Affects, u.ResolvedAt = incident.Audience{Recipients: []string{"nobody"}}, &u.Time
	})
	if end := w.report(3).Updates[2]; end.Audience != 4 || end.Balance.Reached != 4 || end.ReachedByFallback != 0 {
		t.Errorf("the end: %+v, want all four who were told of it", end)
	}
	w.publish(incident.Correction, 6, func(u *incident.Update) { u.Corrects, u.ResolvedAt = "event-4", &u.Time })
	if c := w.report(4).Updates[3]; c.Audience != 2 || c.Balance.Reached != 2 {
		t.Errorf("the correction: %+v, want the two who were told what was wrong", c)
	}
	for address, want := range map[string]int{"+37369000001": 0, "+37369000011": 2, "+37369000021": 4, "+37369000030": 4} {
		if got := w.witness("twilio", address); got.Accepted != want || got.Repeats != 0 {
			t.Errorf("the SMS provider counts %+v for %s, want %d accepted", got, address, want)
		}
	}
	for address, want := range map[string]int{viber: 2, silent: 1, blocked: 0} {
		if got := w.witness("viber", address); got.Accepted != want {
			t.Errorf("viber counts %+v for %s, want %d accepted", got, address, want)
		}
	}
}

// TestQuietHoursEndWithTheLatestNews starts six seconds before quiet hours end: of two updates that
// came meanwhile only the newer leaves.
func TestQuietHoursEndWithTheLatestNews(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Chisinau")
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Date(2026, 5, 5, 6, 59, 54, 0, zone)
	w := newTownAt(t, clock.Scaled(1, begun), func(cfg map[string]any) {
		cfg["quiet_hours"] = map[string]any{"from": "22:00", "to": "07:00"}
	})
	w.customers(customer("asleep", "sms", "+37369000050", "+37369000050"))
	for n := range 2 {
		w.publish(incident.Investigating, n+1, func(u *incident.Update) {
			u.Time, u.StartedAt, u.Impact = begun.UTC().Add(time.Duration(n)*time.Second), begun.Add(-time.Hour).UTC(), incident.Minor
		})
	}
	r := w.report(2)
	if old, last := r.Updates[0].Balance, r.Updates[1].Balance; old.Superseded != 1 || last.Reached != 1 {
		t.Errorf("the older update: %+v, the newer: %+v", old, last)
	}
	if end := time.Date(2026, 5, 5, 7, 0, 0, 0, zone); r.FirstNoticeAt.Before(end) {
		t.Errorf("the first notice left at %v, before %v", r.FirstNoticeAt, end)
	}
	if got := w.witness("twilio", "+37369000050"); got.Accepted != 1 {
		t.Errorf("the SMS provider counts %+v, want one message", got)
	}
}
