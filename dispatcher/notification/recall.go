package notification

import (
	"strconv"

	"github.com/tocsin-dev/tocsin/channels"
)

// Recall is how far the taking back of an attempt's message is, beside its state: what it proved, it
// proved. A recall only goes forward.
type Recall uint8

// How far a recall can be. Their numbers are stored: append only.
const (
	NotRecalled  Recall = iota
	RecallWanted        // to be asked for as soon as the provider is known to have the message
	RecallAsked         // the provider is asked for it
	RecallKept          // the provider can't take it back
	Recalled            // the provider has taken it back
)

var recallNames = [...]string{"not_recalled", "recall_wanted", "recall_asked", "recall_kept", "recalled"}

func (r Recall) String() string {
	if int(r) >= len(recallNames) {
		return "recall " + strconv.Itoa(int(r)) // of a damaged ledger
	}
	return recallNames[r]
}

// CanBeRecalled reports whether the provider can be asked to take the attempt's message back: it has it,
// as far as is known, and the message has a name.
func (a *Attempt) CanBeRecalled() bool {
	has := a.State.Proof() >= channels.Accepted || (a.State == Expired && a.Took)
	return has && NamesMessage(a.ProviderID)
}
