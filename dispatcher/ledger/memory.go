package ledger

import (
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Past is what was announced before an update, in its incident and in those merged into it.
type Past struct {
	// Updates are those that were announced, newest first; of a correction that names what it corrects
	// that update alone.
	Updates []PastUpdate
	// Affects is whom the merged incidents affect, as their teams last said.
	Affects []incident.Audience
}

// PastUpdate is an update that was announced before.
type PastUpdate struct {
	ID int64
	// Merged says that it is of an incident that was merged into the one in question.
	Merged bool
	// Date is when a maintenance begins, of an update that announced one; zero of any other.
	Date time.Time
}

// AffectedBy lists whom incidents affect, as far as they say.
func AffectedBy(all []incident.Incident) []incident.Audience {
	var affects []incident.Audience
	for i := range all {
		if a := all[i].Affects; a != nil {
			affects = append(affects, *a)
		}
	}
	return affects
}

// Told is a recipient who was told of an update, or may yet be: a provider took an attempt, or nobody
// can say that none did, or it is still open.
type Told struct {
	Recipient int64
	// Channel is the one that reached them, "" if none has.
	Channel string
}

// DeadAddress names the address of a recipient to which a batch sent, on a channel. It is not named
// itself: whether the directory still has the same one, the ledger knows.
type DeadAddress struct {
	Recipient int64
	Channel   string
	Batch     int64
}

// The errors below refuse an update for what it refers to. Each is an *incident.FaultError, so that it
// is named by its path like all that is wrong with an update.

// UnknownParent refuses to merge into an incident that there isn't.
func UnknownParent(id string) error {
	return fault("data.merged_into", fmt.Sprintf("names %s, of which this team has said nothing yet", id))
}

// ParentOver refuses to merge into an incident that has ended: nobody would be told of the end.
func ParentOver(id string) error {
	return fault("data.merged_into", fmt.Sprintf("names %s, which is over", id))
}

// ParentIsChild refuses to merge into an incident that was itself merged into this one.
func ParentIsChild(id string) error {
	return fault("data.merged_into", fmt.Sprintf("names %s, which was merged into this incident", id))
}

// UnknownCorrected refuses to correct an update that there isn't.
func UnknownCorrected(event string) error {
	return fault("data.corrects", fmt.Sprintf("names %q, which is no update of this incident", event))
}

// NotLetGo refuses what Tocsin would say by itself after an update that was not let go: it repeats it.
func NotLetGo(event string) error {
	return fault("data.follows", fmt.Sprintf("names %q, which is no update of this incident that was let go", event))
}

// CheckParent refuses to merge an incident into the one named, where into is the incident in which
// following it ends, nil if there is none; self says that this is the incident itself.
func CheckParent(named string, into *incident.Incident, self bool) error {
	switch {
	case into == nil:
		return UnknownParent(named)
	case self:
		return ParentIsChild(named)
	case into.Over():
		return ParentOver(into.ID)
	}
	return nil
}

func fault(path, problem string) error {
	return &incident.FaultError{Faults: []incident.Fault{{Path: path, Problem: problem}}}
}
