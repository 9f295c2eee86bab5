package ledger_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestRule(t *testing.T) {
	sending := ledger.Target{ID: 1, Incident: 9, State: ledger.Sending, Open: 3}
	closed := ledger.Target{ID: 2, Incident: 9, State: ledger.Closed}
	held := ledger.Target{ID: 3, Incident: 9, State: ledger.Held, Paused: true}
	of := func(targets ...ledger.Target) ledger.Situation { return ledger.Situation{Targets: targets} }
	named := func(v ledger.Verb) ledger.Order { return ledger.Order{Verb: v, Team: "ops", Incident: "cards"} }
	about := func(v ledger.Verb, update int64) ledger.Order {
		o := named(v)
		o.Update = update
		return o
	}
	paused := of(sending)
	paused.Paused = true
	newer, spent, left := of(closed), of(sending), of(closed)
	newer.Newer, newer.Unreached, spent.Spent, left.Unreached = 5, 2, 40, 2
	for _, tt := range []struct {
		name    string
		order   ledger.Order
		found   ledger.Situation
		want    string
		updates []ledger.Target
		refused bool
	}{
		{"pause", named(ledger.Pause), of(sending), "ops/cards is paused", nil, false},
		{"pause what is paused", named(ledger.Pause), paused, "ops/cards is paused already", nil, true},
		{"resume", named(ledger.Resume), paused, "ops/cards is going on", nil, false},
		{"resume what goes on", named(ledger.Resume), of(sending), "ops/cards is going on already", nil, true},
		{"pause an update of a paused incident", about(ledger.Pause, 1), paused, "update 1 is paused", nil, false},
		{"resume an update", about(ledger.Resume, 3), of(held), "update 3 is going on", nil, false},
		{"pause a closed update", about(ledger.Pause, 2), of(closed), "update 2 is closed: nothing of it is to be sent", nil, true},
		{"cancel", named(ledger.Cancel), of(sending, closed, held), "2 updates cancelled, with 3 notifications that were still open", []ledger.Target{sending, held}, false},
		{"cancel what is over", named(ledger.Cancel), of(closed), "nothing is left to cancel: no update is held, planned or being sent", nil, true},
		{"move", ledger.Order{Verb: ledger.Move, Channel: "viber"}, of(sending, closed), "what waits for viber in 1 updates goes on to its next step", []ledger.Target{sending}, false},
		{"move where nothing is", ledger.Order{Verb: ledger.Move, Channel: "viber"}, of(), "nothing was under way", nil, false},
		{"move what is over", named(ledger.Move), of(closed), "nothing was under way", nil, false},
		{"retry", about(ledger.Retry, 2), left, "", nil, false},
		{"retry beside newer news", about(ledger.Retry, 2), newer, "there is newer news: retry update 5", nil, true},
		{"retry what reached all", about(ledger.Retry, 2), of(closed), "update 2 has left nobody unreached", nil, true},
		{"retry what is held", about(ledger.Retry, 3), of(held), "update 3 is held: it has not been told yet", nil, true},
		{"budget", ledger.Order{Verb: ledger.Budget, Team: "ops", Incident: "cards", Segments: 50}, spent, "ops/cards may spend 50 segments; 40 are spent", nil, false},
		{"no such incident", named(ledger.Pause), of(), "there is no incident ops/cards", nil, true},
		{"no such update", ledger.Order{Verb: ledger.Move, Update: 7}, of(), "there is no update 7", nil, true},
		{"an update of another", about(ledger.Pause, 7), of(), "ops/cards has no update 7", nil, true},
		{"no such verb", named("dance"), of(sending), `verb "dance" is not known to this version`, nil, true},
	} {
		r, err := tt.order.Rule(&tt.found)
		got := r.Result
		no, refused := errors.AsType[ledger.Refusal](err)
		if refused {
			got = no.Error()
		}
		if got != tt.want || refused != tt.refused || (err != nil) != refused {
			t.Errorf("%s: %q, %v; want %q, refused %v", tt.name, got, err, tt.want, tt.refused)
		}
		if d := cmp.Diff(tt.updates, r.Updates); d != "" {
			t.Errorf("%s: updates differ (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestCharge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		a     ledger.Account
		units int64
		was   ledger.Charged
		is    ledger.Charged
		spent int64
	}{
		{"without a cap", ledger.Account{Spent: 5}, 1000, ledger.Unasked, ledger.Counted, 1005},
		{"to the cap", ledger.Account{Spent: 5, Cap: 10}, 5, ledger.Unasked, ledger.Counted, 10},
		{"beyond it", ledger.Account{Spent: 5, Cap: 10}, 6, ledger.Unasked, ledger.Beyond, 5},
		{"still beyond it", ledger.Account{Spent: 5, Cap: 10}, 6, ledger.Beyond, ledger.Beyond, 5},
		{"no longer beyond it", ledger.Account{Spent: 5, Cap: 11}, 6, ledger.Beyond, ledger.Counted, 11},
		{"counted before", ledger.Account{Spent: 5, Cap: 10}, 5, ledger.Counted, ledger.Counted, 5},
		{"counted before a lower cap", ledger.Account{Spent: 5, Cap: 3}, 5, ledger.Counted, ledger.Counted, 5},
		{"free", ledger.Account{Spent: 10, Cap: 10}, 0, ledger.Unasked, ledger.Unasked, 10},
	} {
		a := tt.a
		if is := a.Charge(tt.units, tt.was); is != tt.is || a.Spent != tt.spent || a.Cap != tt.a.Cap {
			t.Errorf("%s: %d, %+v; want %d with %d spent", tt.name, is, a, tt.is, tt.spent)
		}
	}
}
