package dispatcher

import (
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Draft writes what would be frozen with an update if it came now, and records nothing.
func (in *Intake) Draft(u incident.Update) ([]ledger.Text, playbook.Terms, []incident.Fault) {
	texts, faults := in.render(u)
	return texts, playbook.Terms{}, faults
}
