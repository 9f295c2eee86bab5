package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestRule(t *testing.T) {
	sending := ledger.Target{ID: 1, Incident: 9, State: ledger.Sending, Open: 3}
	closed := ledger.Target{ID: 2, Incident: 9, State: ledger.Closed}
	held := ledger.Target{ID: 3, Incident: 9, State: ledger.Held, Paused: true}
	told := ledger.Target{ID: 4, Incident: 9, State: ledger.Closed, Audience: 7}
	stopped := ledger.Target{ID: 5, Incident: 9, State: ledger.Cancelled, Audience: 5, Open: 1}
	unsaid := ledger.Target{ID: 6, Incident: 9, State: ledger.NotAnnounced}
	dropped := ledger.Target{ID: 7, Incident: 9, State: ledger.Closed, Audience: 7, Dropped: true}
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
		{"cancel", named(ledger.Cancel), of(sending, closed, held), "2 updates cancelled, with 3 notifications still open", []ledger.Target{sending, held}, false},
		{"cancel what is over", named(ledger.Cancel), of(closed), "nothing is left to cancel: no update is held, planned or being sent", nil, true},
		{"recall", named(ledger.Recall), of(dropped, told, unsaid, stopped, sending, held),
			recalled("4 updates", "4 notifications"), []ledger.Target{told, stopped, sending, held}, false},
		{"recall one", about(ledger.Recall, 4), of(told), recalled("1 update", "0 notifications"), []ledger.Target{told}, false},
		{"recall what is being sent", about(ledger.Recall, 1), of(sending), recalled("1 update", "3 notifications"), []ledger.Target{sending}, false},
		{"recall what was cancelled", about(ledger.Recall, 5), of(stopped), recalled("1 update", "1 notification"), []ledger.Target{stopped}, false},
		{"recall what was told nobody", named(ledger.Recall), of(unsaid, closed), "nothing was sent, and nothing is to be: there is nothing to take back", nil, true},
		{"recall what is not kept", named(ledger.Recall), of(dropped, unsaid), "that is so old that whom it reached is not kept any more: nothing can be taken back", nil, true},
		{"recall what isn't there", about(ledger.Recall, 8), of(), "ops/cards has no update 8", nil, true},
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

// recalled is the result of a recall.
func recalled(updates, open string) string {
	return updates + " recalled, with " + open + " still open; what was sent is taken back where its provider can, and the report counts it"
}

func TestCancelReason(t *testing.T) {
	for verb, want := range map[ledger.Verb]string{ledger.Cancel: "cancelled by Ana: wrong bank", ledger.Recall: "recalled by Ana: wrong bank"} {
		if got := (&ledger.Order{Verb: verb, By: "Ana", Why: "wrong bank"}).CancelReason(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestValidateOrder(t *testing.T) {
	whole := func(v ledger.Verb) ledger.Order {
		return ledger.Order{ID: "1", Verb: v, Team: "ops", Incident: "cards", Update: 1, Channel: "sms", Segments: 1, By: "Ana", Why: "a reason"}
	}
	for _, v := range ledger.Verbs() {
		if o := whole(v); o.Validate() != nil {
			t.Errorf("%s: %v", v, o.Validate())
		}
	}
	for _, tt := range []struct {
		verb   ledger.Verb
		change func(*ledger.Order)
		want   string // "" is nothing wrong
	}{
		{ledger.Recall, func(o *ledger.Order) { o.Update = 0 }, ""},
		{ledger.Recall, func(o *ledger.Order) { o.Team, o.Incident = "", "" }, ""},
		{ledger.Recall, func(o *ledger.Order) { o.Team, o.Incident, o.Update = "", "", 0 }, "recall needs an incident or an update"},
		{ledger.Recall, func(o *ledger.Order) { o.Incident, o.Update = "", 0 }, "recall needs an incident or an update"},
		{ledger.Recall, func(o *ledger.Order) { o.ID = "" }, "id: must have between 1 and 100 bytes"},
		{ledger.Recall, func(o *ledger.Order) { o.ID = strings.Repeat("x", 101) }, "id: must have between 1 and 100 bytes"},
		{ledger.Recall, func(o *ledger.Order) { o.By = "" }, "by: must say who gives the order"},
		{ledger.Recall, func(o *ledger.Order) { o.Why = "" }, "why: must say for what reason"},
		{ledger.Retry, func(o *ledger.Order) { o.Update = 0 }, "retry needs an update"},
		{ledger.Move, func(o *ledger.Order) { o.Channel = "" }, "move needs a channel"},
		{ledger.Budget, func(o *ledger.Order) { o.Segments = 0 }, "budget needs an incident and a number of segments above 0"},
		{"dance", func(*ledger.Order) {}, `verb: "dance" must be one of [pause resume cancel recall retry move budget]`},
	} {
		o := whole(tt.verb)
		tt.change(&o)
		got := ""
		if err := o.Validate(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", o, got, tt.want)
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
