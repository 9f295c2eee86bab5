package dispatcher

import (
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Draft writes what would be frozen with an update if it came now, and says on which terms it would be sent.
// It records nothing.
func (in *Intake) Draft(u incident.Update) ([]ledger.Text, playbook.Terms, []incident.Fault) {
	prepared, faults := in.Playbooks.Prepare(u)
	if len(faults) > 0 {
		return nil, playbook.Terms{}, faults
	}
	texts, faults := in.render(u, &prepared)
	return texts, prepared.Terms, faults
}
