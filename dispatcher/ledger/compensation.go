package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Grant is one way in which one recipient is made good.
type Grant struct {
	// ID is always the same for the same recipient, incident and option, so that who has granted it once
	// knows it again.
	ID        string `json:"id"`
	Recipient string `json:"recipient"`
	// Option is the playbook's id of the option, Value what it is worth, in the playbook's words.
	Option string `json:"option"`
	Value  string `json:"value"`
	// Update is the newest update that grants it to the recipient, Event the id that its publisher gave it.
	Update int64  `json:"update"`
	Event  string `json:"event"`
	// Outcome is how the recipient's notification of that update has ended: who was not reached is
	// affected all the same.
	Outcome string `json:"outcome"`
}

// grantID names a grant: 32 characters of a-f and 0-9.
func grantID(k IncidentKey, recipient, option string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{k.Team, k.Incident, option, recipient}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Grants are what updates grant the members of their audiences. members are in order of their numbers and
// then of updates, and whoever is among them is so with all updates. A called off update grants something
// only to whom it had reached.
func Grants(k IncidentKey, updates map[int64]*Update, members []Member) []Grant {
	var all []Grant
	for len(members) > 0 {
		n := 1
		for n < len(members) && members[n].Number == members[0].Number {
			n++
		}
		all = append(all, grantsOf(k, updates, members[:n])...)
		members = members[n:]
	}
	return all
}

// grantsOf are those of one recipient, by option.
func grantsOf(k IncidentKey, updates map[int64]*Update, of []Member) []Grant {
	byOption := map[string]Grant{}
	for _, m := range of {
		u := updates[m.Update]
		if u == nil || u.State == Cancelled && m.Outcome != notification.Reached.String() {
			continue
		}
		for _, o := range u.Terms.Compensation {
			byOption[o.ID] = Grant{
				ID: grantID(k, m.Recipient, o.ID), Recipient: m.Recipient, Option: o.ID, Value: o.Value,
				Update: u.ID, Event: u.Update.EventID, Outcome: m.Outcome,
			}
		}
	}
	all := make([]Grant, 0, len(byOption))
	for _, option := range slices.Sorted(maps.Keys(byOption)) {
		all = append(all, byOption[option])
	}
	return all
}
