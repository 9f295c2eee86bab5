package rows

import (
	"encoding/json"
	"errors"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// Watched reads an incident and its clocks from their columns.
func Watched(w *ledger.Watched, value, clocks []byte) error {
	return errors.Join(json.Unmarshal(value, &w.Incident), json.Unmarshal(clocks, &w.Clocks))
}

// Update reads an update and its terms from their columns.
func Update(u *ledger.Update, value, terms []byte) error {
	return errors.Join(json.Unmarshal(value, &u.Update), json.Unmarshal(terms, &u.Terms))
}

// Clocks writes an incident's clocks as they were read and as they are now into columns; ticking says
// whether one has not stopped.
func Clocks(before, after []promise.State) (was, is string, ticking bool, err error) {
	b, errB := list(before)
	a, errA := list(after)
	for i := range after {
		ticking = ticking || after[i].StoppedAt.IsZero()
	}
	return b, a, ticking, errors.Join(errB, errA)
}

func list(all []promise.State) (string, error) {
	if len(all) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(all)
	return string(b), err
}
