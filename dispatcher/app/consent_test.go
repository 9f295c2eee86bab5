package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// TestWhoLeavesIsToldOtherwise: those who leave a channel while their messages wait in its lane get none
// there any more, and are told on the next one; an import doesn't bring them back.
func TestWhoLeavesIsToldOtherwise(t *testing.T) {
	const all, stay = 16, 8
	w := newTown(t, func(cfg map[string]any) {
		cfg["channels"].(map[string]any)["email"].(map[string]any)["wait"] = "1m"
		cfg["channels"].(map[string]any)["sms"].(map[string]any)["rate"] = 200
		cfg["cascade"].(map[string]any)["retry_every"] = "1s"
	})
	w.sandbox.Desk("twilio").SetConduct(sandbox.Conduct{})
	w.sandbox.Desk("smtp").SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable}) // until they have left
	var lines []string
	phone := func(i int) string { return fmt.Sprintf("+3736900%04d", i) }
	mailbox := func(i int) string { return fmt.Sprintf("c%02d@example.com", i) }
	for i := range all {
		lines = append(lines, customer(fmt.Sprintf("c-%02d", i), "email", phone(i), mailbox(i)))
	}
	w.customers(lines...)
	w.publish(incident.Investigating, 1, nil)
	w.planned(all)
	for i := stay; i < all; i++ {
		c := ledger.Consent{Recipient: fmt.Sprintf("c-%02d", i), Channel: "email", By: "Ana", Why: "asked at the branch"}
		if r, err := w.client.SetConsent(t.Context(), c); err != nil || r.Changed != 1 {
			t.Fatalf("leaving: %+v, %v", r, err)
		}
	}
	w.customers(lines...)
	w.reached(all - stay)
	w.sandbox.Desk("smtp").SetConduct(sandbox.Conduct{})
	if b := w.report(1).Updates[0].Balance; b.Reached != all {
		t.Errorf("balance %+v", b)
	}
	w.publish(incident.Identified, 2, nil)
	if b := w.report(2).Updates[1].Balance; b.Reached != all {
		t.Errorf("balance of the second update %+v", b)
	}
	for i := range all {
		mail, sms := w.witness("smtp", mailbox(i)), w.witness("twilio", phone(i))
		if left := i >= stay; (left && (mail.Accepted != 0 || sms.Accepted != 2)) || (!left && (mail.Accepted != 2 || sms.Accepted != 0)) {
			t.Errorf("customer %d, left: %v: %d by mail, %d by SMS", i, left, mail.Accepted, sms.Accepted)
		}
	}
}

// planned waits until an update is planned for so many.
func (w *town) planned(audience int64) {
	w.t.Helper()
	w.progress(func(p ledger.UpdateProgress) bool { return p.State == ledger.Sending && p.Audience == audience })
}

// reached waits until so many of the update's notifications are settled.
func (w *town) reached(n int64) {
	w.t.Helper()
	w.progress(func(p ledger.UpdateProgress) bool { return p.Open == p.Audience-n })
}

// progress waits until the night's only update has come so far.
func (w *town) progress(enough func(ledger.UpdateProgress) bool) {
	w.t.Helper()
	for limit := time.Now().Add(time.Minute); ; {
		s, err := w.client.Incident(w.t.Context(), "ops", "night")
		if err == nil && len(s.Progress) == 1 && enough(s.Progress[0]) {
			return
		}
		if time.Now().After(limit) {
			w.t.Fatalf("not so far: %+v, %v", s, err)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-w.t.Context().Done():
		}
	}
}
