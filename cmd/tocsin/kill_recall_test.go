package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// recallCustomers is how many are told in the drill below, all of them on Telegram.
const recallCustomers = 2000

// TestKilledServerRecallsAll kills -9 a server while an update's messages are being taken back. In the end all of the update's messages are gone, by the provider's own
// counts, and none of another's: those go, every one, when that is recalled in its turn.
func TestKilledServerRecallsAll(t *testing.T) {
	t.Parallel()                                                            // most of it is waiting until what the dead server had in hand is given out again
	v := newVictim(t, nil, map[string]any{"rate": 4000, "concurrency": 64}) // and taken back an eighth at a time
	var customers strings.Builder
	chat := func(i int) string { return fmt.Sprint(70_000_000 + i) }
	for i := range recallCustomers {
		segment := []string{"retail", "business"}[i%2]
		fmt.Fprintf(&customers, `{"id":"c%d","locale":"ro","addresses":{"telegram":%q},"consents":["telegram"],"segments":[%q]}`+"\n", i, chat(i), segment)
	}
	if _, err := v.client.ImportCustomers(t.Context(), strings.NewReader(customers.String()), audience.JSONL, nil, io.Discard); err != nil {
		t.Fatal(err)
	}
	first, second := v.tell(1, nil), v.tell(2, []string{"business"})
	v.mustHave(chat, func(i int) sandbox.Tally { return sandbox.Tally{Accepted: 1 + i%2, Delivered: 1 + i%2} })

	v.recall(first)
	v.until("a part of the messages is taken back", func() bool { return v.totals()["telegram"].Recalled > recallCustomers/5 })
	v.kill()
	if n := v.totals()["telegram"].Recalled; n >= recallCustomers {
		t.Errorf("%d messages were taken back before the server was killed: nothing is seen of what the kill does", n)
	}
	v.start()
	v.until("every recall is answered", func() bool { return v.answered(first) == recallCustomers })
	v.mustHave(chat, func(i int) sandbox.Tally { return sandbox.Tally{Accepted: 1 + i%2, Delivered: 1 + i%2, Recalled: 1} })

	v.recall(second)
	v.until("every recall of the other update is answered", func() bool { return v.answered(second) == recallCustomers/2 })
	v.mustHave(chat, func(i int) sandbox.Tally {
		return sandbox.Tally{Accepted: 1 + i%2, Delivered: 1 + i%2, Recalled: 1 + i%2}
	})
	v.audit()
}

// tell publishes the n-th update, and returns its number in the ledger once everybody has been told.
func (v *victim) tell(n int, segments []string) (id int64) {
	v.t.Helper()
	v.publish(n, segments)
	v.until("everybody is told", func() bool {
		inc, err := v.client.Incident(v.t.Context(), "ops", "night")
		if err != nil || len(inc.Progress) < n {
			return false
		}
		id = inc.Progress[n-1].ID
		return inc.Progress[n-1].State == ledger.Closed
	})
	return id
}

func (v *victim) recall(update int64) {
	v.t.Helper()
	o := ledger.Order{ID: fmt.Sprint("recall-", update), Verb: ledger.Recall, Update: update, By: "Ana Rusu", Why: "the wrong region"}
	if r, err := v.client.Order(v.t.Context(), o); err != nil || r.Refused {
		v.t.Fatalf("the order to recall update %d: %+v, %v", update, r, err)
	}
}

// answered is how many of an update's messages are taken back, by the ledger.
func (v *victim) answered(update int64) (n int64) {
	inc, err := v.client.Incident(v.t.Context(), "ops", "night")
	if err != nil {
		return 0
	}
	for i := range inc.Progress {
		for _, c := range inc.Progress[i].Tallies {
			if inc.Progress[i].ID == update && c.What == ledger.Recalled {
				n += c.Count
			}
		}
	}
	return n
}

// mustHave checks what Telegram has counted for each customer.
func (v *victim) mustHave(chat func(i int) string, want func(i int) sandbox.Tally) {
	v.t.Helper()
	counts, wrong := v.tallies("telegram"), 0
	for i := range recallCustomers {
		if got := counts[chat(i)]; got != want(i) {
			if wrong++; wrong < 5 {
				v.t.Errorf("Telegram counts %+v for customer %d, want %+v", got, i, want(i))
			}
		}
	}
	if wrong > 0 {
		v.t.Errorf("%d of %d customers have other messages than they should", wrong, recallCustomers)
	}
}
