package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Hearing is a held update as a word finds it. The store reads it in the transaction that keeps the word,
// so that nothing of it changes meanwhile.
type Hearing struct {
	ID         int64
	Update     incident.Update
	ReceivedAt time.Time
	Rule       playbook.Approval
	Said       []ApprovalSaid
	Texts      []TextDigest
	Forecast   []byte
	// Newer is the newest update that was let go after this one came, of its incident or of those it was
	// merged into; NewerHeld the newest of its incident that is held as well. 0 if there is none.
	Newer, NewerHeld int64
}

// Decision is what a word comes to.
type Decision struct {
	// Said is what is kept, and entered in the trail; nil if nothing was said.
	Said *ApprovalSaid
	// State is Held, Approved by By, or NotAnnounced for Reason.
	State      UpdateState
	By, Reason string
	At         time.Time
	// InPlace is the newer update that goes out in place of this one whose time is over, if its own rule
	// sends as well (see [Hearing.InPlaceOf]); else 0.
	InPlace int64
}

// Approve decides what an approval comes to: the update goes when as many different people have approved
// it as its rule asks, or one breaks the glass. It is told to nobody if newer news has gone out. The errors
// are ErrUnseen, ErrTwice, ErrNotAPerson and ErrNoReason; then nothing is kept.
func (h *Hearing) Approve(a *Approval) (Decision, error) {
	d := Decision{At: a.At, State: Held}
	if h.Newer != 0 {
		d.State, d.Reason = NotAnnounced, ApprovedBefore(h.Newer)
		return d, nil
	}
	said := &ApprovalSaid{Word: SaidYes, At: a.At, By: a.By, Account: a.Account, Seen: a.Seen, Why: a.Why}
	if a.BreakGlass {
		said.Word = SaidBreakGlass
	}
	if err := h.admit(said); err != nil {
		return d, err
	}
	d.Said = said
	all := approvers(append(slices.Clone(h.Said), *said))
	switch {
	case a.BreakGlass:
		d.State, d.By = Approved, a.By+" (break-glass)"
	case len(all) >= h.Rule.People:
		d.State, d.By = Approved, names(all)
	}
	return d, nil
}

// admit says why a word can't be taken.
func (h *Hearing) admit(s *ApprovalSaid) error {
	glass := s.Word == SaidBreakGlass
	switch {
	case s.Seen != Seen(h.Texts, h.Forecast) && !(glass && s.Seen == Seen(h.Texts, nil)): // no forecast is worth waiting for then
		return ErrUnseen
	case glass && s.Why == "":
		return ErrNoReason
	case glass:
		return nil
	case h.Rule.People > 1 && s.Account == "":
		return ErrNotAPerson
	case slices.ContainsFunc(approvers(h.Said), func(o ApprovalSaid) bool { return s.SamePerson(&o) }):
		return ErrTwice
	}
	return nil
}

func names(all []ApprovalSaid) string {
	by := make([]string, len(all))
	for i := range all {
		by[i] = all[i].By
	}
	return strings.Join(by, " and ")
}

// Refuse decides what a refusal comes to: the update is told to nobody. The error is ErrNoReason.
func (h *Hearing) Refuse(a *Approval) (Decision, error) {
	if a.Why == "" {
		return Decision{}, ErrNoReason
	}
	return Decision{
		Said: &ApprovalSaid{Word: SaidNo, At: a.At, By: a.By, Account: a.Account, Seen: a.Seen, Why: a.Why},
		At:   a.At, State: NotAnnounced, Reason: fmt.Sprintf("refused by %s: %s", a.By, a.Why),
	}, nil
}

// TimeOut decides what becomes of an update that nobody has approved in time, as its rule says: it goes
// out, or is told to nobody. It doesn't go out if there is newer news, let go or held: then the newest that
// is held stands in its place. The error is ErrConflict while its time is not over.
func (h *Hearing) TimeOut(now time.Time) (Decision, error) {
	s := Standing(Held, h.ReceivedAt, h.Rule, h.Said)
	if s.Due.IsZero() || now.Before(s.Due) {
		return Decision{}, ErrConflict
	}
	why := fmt.Sprintf("not approved within %s", time.Duration(h.Rule.TimeOut))
	d := Decision{At: now, State: NotAnnounced, Reason: why}
	switch {
	case h.Newer != 0:
		d.Reason = ApprovedBefore(h.Newer)
	case s.Then == playbook.SendIt && h.NewerHeld != 0:
		d.Reason, d.InPlace = fmt.Sprintf("%s, and update %d is newer", why, h.NewerHeld), h.NewerHeld
	case s.Then == playbook.SendIt:
		d.State, d.By, d.Reason = Approved, "time-out ("+why+")", ""
	}
	d.Said = &ApprovalSaid{Word: SaidByTime, At: now, Why: why}
	return d, nil
}

// InPlaceOf decides whether a held update goes out in place of an older one of its incident whose time is
// over and which would have gone out: it does if its own rule sends what nobody approves. Else updates that
// follow each other faster than anybody approves them would all be told to nobody. ok is false if it stays.
func (h *Hearing) InPlaceOf(older *Hearing, now time.Time) (d Decision, ok bool) {
	if h.Newer != 0 || h.Rule.TimeOut <= 0 || h.Rule.Then != playbook.SendIt {
		return d, false
	}
	why := fmt.Sprintf("update %d, which is older, was not approved within %s", older.ID, time.Duration(older.Rule.TimeOut))
	return Decision{
		Said: &ApprovalSaid{Word: SaidByTime, At: now, Why: why, Instead: older.ID},
		At:   now, State: Approved, By: "time-out (" + why + ")",
	}, true
}

// Report is how the update stands after a decision.
func (h *Hearing) Report(d *Decision) ApprovalReport {
	said := h.Said
	if d.Said != nil {
		said = append(slices.Clone(said), *d.Said)
	}
	return ApprovalReport{Update: h.ID, State: d.State, Reason: d.Reason, ApprovalStanding: Standing(d.State, h.ReceivedAt, h.Rule, said)}
}

// Entries are a decision's entries in the trail: what was said, and what came of it.
func (h *Hearing) Entries(d *Decision) []TrailEntry {
	var all []TrailEntry
	if s := d.Said; s != nil {
		e := about(TrailKind(s.Word), h.ID, &h.Update, s.At)
		e.By, e.Why, e.Account, e.Seen, e.Instead = s.By, s.Why, s.Account, s.Seen, s.Instead
		all = append(all, e)
	}
	switch d.State {
	case Approved:
		all = append(all, ApprovedEntry(h.ID, &h.Update, d.By, d.At))
	case NotAnnounced:
		all = append(all, NotAnnouncedEntry(h.ID, &h.Update, d.Reason, d.At))
	}
	return all
}
