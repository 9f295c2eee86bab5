package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

func TestGrantsAreOnePerOption(t *testing.T) {
	compensating := func(id int64, state UpdateState, options ...playbook.Option) *Update {
		return &Update{ID: id, State: state, Update: incident.Update{EventID: "e"}, Terms: playbook.Terms{Compensation: options}}
	}
	key := IncidentKey{"pay", "i1"}
	updates := map[int64]*Update{
		1: compensating(1, Closed, playbook.Option{ID: "fees", Value: "fee:0"}),
		2: compensating(2, Closed, playbook.Option{ID: "fees", Value: "fee:1"}, playbook.Option{ID: "credit", Value: "50 MDL"}),
		3: compensating(3, Cancelled, playbook.Option{ID: "more", Value: "x"}),
	}
	member := func(n int64, update int64, outcome string) Member {
		return Member{Number: n, Recipient: string(rune('a' + n)), Update: update, Outcome: outcome}
	}
	got := Grants(key, updates, []Member{
		member(1, 1, "reached"), member(1, 2, "unreachable"), member(1, 3, "open"),
		member(2, 1, "suppressed"), member(2, 3, "reached"), member(3, 9, "reached"),
	})
	grant := func(recipient, option, value string, update int64, outcome string) Grant {
		return Grant{ID: grantID(key, recipient, option), Recipient: recipient, Option: option, Value: value, Update: update, Event: "e", Outcome: outcome}
	}
	want := []Grant{
		grant("b", "credit", "50 MDL", 2, "unreachable"), grant("b", "fees", "fee:1", 2, "unreachable"),
		grant("c", "fees", "fee:0", 1, "suppressed"), grant("c", "more", "x", 3, "reached"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	ids := map[string]bool{}
	for _, g := range got {
		ids[g.ID] = true
	}
	ids[grantID(IncidentKey{"pay", "i2"}, "b", "fees")] = true
	if len(ids) != len(want)+1 {
		t.Errorf("%d different ids, want one for each incident, option and recipient", len(ids))
	}
}
