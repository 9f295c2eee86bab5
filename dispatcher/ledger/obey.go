package ledger

import (
	"fmt"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Refusal says why an order is not carried out.
type Refusal string

func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// Target is an update that an order is about, as it stands.
type Target struct {
	ID int64
	// Incident is the store's own key of its incident.
	Incident int64
	State    UpdateState
	// Audience is the number of its notifications, Open those without an outcome.
	Audience, Open int64
	Paused         bool
	// Dropped says that who was reached is not kept any more.
	Dropped bool
}

// live reports whether an update may still send something.
func (t *Target) live() bool {
	return t.State == Held || t.State == Approved || t.State == Planning || t.State == Sending
}

// Situation is what an order finds. The store reads it in the transaction that carries the order out,
// so that nothing of it changes meanwhile.
type Situation struct {
	// Targets are the updates that the order is about, oldest first.
	Targets []Target
	// Paused and Spent are those of the first target's incident.
	Paused bool
	Spent  int64
	// Newer is the newest update that was let go after the first target, of its incident or of those it
	// was merged into; 0 if there is none. Unreached counts those whom the first target did not reach.
	// Both are read for Retry only.
	Newer, Unreached int64
}

// Ruling is what an order comes to.
type Ruling struct {
	// Result says what is done; of Retry see [Retold].
	Result string
	// Updates are those that Cancel ends, those that Recall takes back, and those whose waiting notifications
	// Move moves on.
	Updates []Target
}

// Named reports whether an order names an incident.
func (o *Order) Named() bool { return o.Team != "" || o.Incident != "" }

// Everywhere reports whether an order is about whatever there is.
func (o *Order) Everywhere() bool { return o.Verb == Move && o.Update == 0 && !o.Named() }

// Rule decides what an order comes to, or refuses it with a [Refusal].
func (o *Order) Rule(s *Situation) (Ruling, error) {
	if len(s.Targets) == 0 && !o.Everywhere() {
		return Ruling{}, o.unknown()
	}
	switch o.Verb {
	case Pause:
		return o.rulePaused(s, true)
	case Resume:
		return o.rulePaused(s, false)
	case Cancel:
		return o.ruleCancel(s)
	case Recall:
		return o.ruleRecall(s)
	case Retry:
		return Ruling{}, retriable(s)
	case Move:
		return o.ruleMove(s)
	case Budget:
		return Ruling{Result: fmt.Sprintf("%s/%s may spend %d segments; %d are spent", o.Team, o.Incident, o.Segments, s.Spent)}, nil
	default:
		return Ruling{}, refuse("verb %q is not known to this version", o.Verb)
	}
}

// unknown refuses an order about what there isn't.
func (o *Order) unknown() error {
	switch {
	case o.Update != 0 && o.Named():
		return refuse("%s/%s has no update %d", o.Team, o.Incident, o.Update)
	case o.Update != 0:
		return refuse("there is no update %d", o.Update)
	default:
		return refuse("there is no incident %s/%s", o.Team, o.Incident)
	}
}

func (o *Order) rulePaused(s *Situation, paused bool) (Ruling, error) {
	word := "going on"
	if paused {
		word = "paused"
	}
	what, is := fmt.Sprintf("%s/%s", o.Team, o.Incident), s.Paused
	if o.Update != 0 {
		x := &s.Targets[0]
		what, is = fmt.Sprintf("update %d", x.ID), x.Paused
		if !x.live() {
			return Ruling{}, refuse("%s is %s: nothing of it is to be sent", what, x.State)
		}
	}
	if is == paused {
		return Ruling{}, refuse("%s is %s already", what, word)
	}
	return Ruling{Result: fmt.Sprintf("%s is %s", what, word)}, nil
}

func (o *Order) ruleCancel(s *Situation) (Ruling, error) {
	var r Ruling
	open := int64(0)
	for _, x := range s.Targets {
		if x.live() {
			r.Updates = append(r.Updates, x)
			open += x.Open
		}
	}
	if len(r.Updates) == 0 {
		return r, refuse("nothing is left to cancel: no update is held, planned or being sent")
	}
	r.Result = fmt.Sprintf("%s cancelled, with %s still open", counted(int64(len(r.Updates)), "update"), counted(open, "notification"))
	return r, nil
}

// sent reports whether messages of an update may have gone out that are still known of.
func (t *Target) sent() bool { return t.Audience > 0 && !t.Dropped }

// ruleRecall takes back whatever may have been sent, and cancels what may still be.
func (o *Order) ruleRecall(s *Situation) (Ruling, error) {
	var r Ruling
	open, dropped := int64(0), false
	for _, x := range s.Targets {
		dropped = dropped || x.Dropped
		if x.live() || x.sent() {
			r.Updates = append(r.Updates, x)
			open += x.Open
		}
	}
	switch {
	case len(r.Updates) == 0 && dropped:
		return r, refuse("that is so old that whom it reached is not kept any more: nothing can be taken back")
	case len(r.Updates) == 0:
		return r, refuse("nothing was sent, and nothing is to be: there is nothing to take back")
	}
	r.Result = fmt.Sprintf("%s recalled, with %s still open; what was sent is taken back where its provider can, and the report counts it",
		counted(int64(len(r.Updates)), "update"), counted(open, "notification"))
	return r, nil
}

// Live returns those of the targets that may still send something.
func Live(all []Target) []Target {
	var live []Target
	for _, x := range all {
		if x.live() {
			live = append(live, x)
		}
	}
	return live
}

// counted names a number of things.
func counted(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// CancelReason is the reason of an update that an order has cancelled.
func (o *Order) CancelReason() string {
	word := "cancelled"
	if o.Verb == Recall {
		word = "recalled"
	}
	return fmt.Sprintf("%s by %s: %s", word, o.By, o.Why)
}

func (o *Order) ruleMove(s *Situation) (Ruling, error) {
	var r Ruling
	for _, x := range s.Targets {
		if x.Open > 0 {
			r.Updates = append(r.Updates, x)
		}
	}
	r.Result = fmt.Sprintf("what waits for %s in %d updates goes on to its next step", o.Channel, len(r.Updates))
	if len(r.Updates) == 0 {
		r.Result = "nothing was under way"
	}
	return r, nil
}

// retriable refuses what can't be told again.
func retriable(s *Situation) error {
	x := &s.Targets[0]
	switch {
	case x.State != Sending && x.State != Closed:
		return refuse("update %d is %s: it has not been told yet", x.ID, x.State)
	case x.Dropped:
		return refuse("update %d is so old that whom it reached is not kept any more", x.ID)
	case s.Newer != 0:
		return refuse("there is newer news: retry update %d", s.Newer)
	case s.Unreached == 0:
		return refuse("update %d has left nobody unreached", x.ID)
	}
	return nil
}

// Again is the update by which an order tells an update again, and the reason that it is kept with.
func (o *Order) Again(id int64, u incident.Update) (again incident.Update, reason string) {
	u.EventID += "/retry/" + o.ID
	return u, fmt.Sprintf("update %d again: %s", id, o.Why)
}

// Retold is the result of an order to tell an update again, by the update with the id.
func Retold(id, unreached int64) string {
	return fmt.Sprintf("told again as update %d, to %d customers", id, unreached)
}
