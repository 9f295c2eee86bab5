package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// Errors of approvals that callers act on.
var (
	// ErrTwice: the same person has approved the update already; another one must.
	ErrTwice = errors.New("the same person has approved it already")
	// ErrUnseen: what was seen is not what would be let go; look at it again.
	ErrUnseen = fmt.Errorf("what was seen is not what is to be approved: %w", ErrConflict)
	// ErrNotAPerson: the update needs two people, who must approve with accounts of their own.
	ErrNotAPerson = errors.New("an account of one's own is needed")
	// ErrNoReason: to break the glass, or to refuse an update, needs a reason.
	ErrNoReason = errors.New("a reason is needed")
)

// Approval is one person's word that a held update may go out, or with [Hearing.Refuse] that it must not.
type Approval struct {
	// By is who says so, as reports name them. Account is their account, "" where By is only what the
	// caller said it was: then it counts where one person is enough.
	By, Account string
	// Seen is what they saw: [Seen] of its texts and forecast.
	Seen string
	// Why is needed to break the glass: to let the update go at once, whatever its rule.
	Why        string
	BreakGlass bool
	At         time.Time
}

// Word is what was said of a held update. It is also the kind of its entry in the trail.
type Word string

// The words.
const (
	SaidYes        Word = "approval"
	SaidBreakGlass Word = "break_glass" // it goes at once, whatever the rule
	SaidNo         Word = "refusal"     // it is told to nobody
	SaidByTime     Word = "time_out"    // nobody had approved it in time
)

// ApprovalSaid is one word on an update, as the ledger keeps it.
type ApprovalSaid struct {
	Word    Word      `json:"word"`
	At      time.Time `json:"at"`
	By      string    `json:"by,omitempty"`
	Account string    `json:"account,omitempty"`
	Seen    string    `json:"seen,omitempty"`
	Why     string    `json:"why,omitempty"`
	// Instead is the older update whose time was over when this one was let go in its place; else 0.
	Instead int64 `json:"instead_of,omitempty"`
}

// Line says the word as people read it.
func (s *ApprovalSaid) Line() string {
	line := map[Word]string{SaidYes: "approved", SaidBreakGlass: "BREAK-GLASS", SaidNo: "refused", SaidByTime: "TIME-OUT"}[s.Word]
	if s.By != "" {
		line += " by " + s.By
	}
	if s.Why != "" {
		line += ": " + s.Why
	}
	return line
}

// ApprovalStanding is what an update's rule asks for, and what has been said.
type ApprovalStanding struct {
	// People is how many different people must approve; Missing how many of them an update that is held
	// still waits for.
	People  int `json:"people"`
	Missing int `json:"missing"`
	// Due is when the time to approve is over, zero if never; Then says what happens to the update then.
	Due  time.Time         `json:"due,omitzero"`
	Then playbook.TimedOut `json:"then,omitempty"`
	Said []ApprovalSaid    `json:"said,omitempty"`
}

// ApprovalReport is how an update stands after a word on it.
type ApprovalReport struct {
	Update int64       `json:"update"`
	State  UpdateState `json:"state"`
	Reason string      `json:"reason,omitempty"`
	ApprovalStanding
}

// HeldUpdate is an update that waits for approval.
type HeldUpdate struct {
	ID         int64           `json:"id"`
	Team       string          `json:"team"`
	Incident   string          `json:"incident"`
	Status     incident.Status `json:"status"`
	Impact     incident.Impact `json:"impact"`
	ReceivedAt time.Time       `json:"received_at"`
	ApprovalStanding
}

// Waiting is a held update as those see it who must approve it.
func (u *Update) Waiting(said []ApprovalSaid) HeldUpdate {
	d := &u.Update
	return HeldUpdate{
		ID: u.ID, Team: d.Team, Incident: d.Incident, Status: d.Status, Impact: d.Impact, ReceivedAt: u.ReceivedAt,
		ApprovalStanding: Standing(u.State, u.ReceivedAt, u.Terms.Approval, said),
	}
}

// Seen is the SHA-256, in hex, of what an approver sees of an update: its frozen texts, by their hashes,
// and its forecast as it was recorded, empty if there is none yet.
func Seen(texts []TextDigest, forecast []byte) string {
	texts = slices.Clone(texts)
	SortDigests(texts)
	h := sha256.New()
	for _, x := range texts {
		_, _ = fmt.Fprintf(h, "%s %s %s\n", x.Kind, x.Locale, x.Hash)
	}
	if len(forecast) > 0 {
		_, _ = io.WriteString(h, "forecast "+Digest(forecast)+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Standing is how an update stands with those who must approve it.
func Standing(state UpdateState, receivedAt time.Time, rule playbook.Approval, said []ApprovalSaid) ApprovalStanding {
	s := ApprovalStanding{People: rule.People, Said: said}
	if state != Held {
		return s
	}
	s.People = max(1, rule.People) // one that is held waits for somebody
	s.Missing = max(0, s.People-len(approvers(said)))
	if rule.TimeOut > 0 {
		s.Due, s.Then = receivedAt.Add(time.Duration(rule.TimeOut)), playbook.DropIt
		if rule.Then == playbook.SendIt {
			s.Then = playbook.SendIt
		}
	}
	return s
}

// approvers are the words of those who approved.
func approvers(said []ApprovalSaid) []ApprovalSaid {
	var all []ApprovalSaid
	for _, s := range said {
		if s.Word == SaidYes {
			all = append(all, s)
		}
	}
	return all
}

// SamePerson reports whether two words are one person's: by account, or by name, however it is spaced or
// capitalised. Two accounts of one person are one person.
func (s *ApprovalSaid) SamePerson(o *ApprovalSaid) bool {
	return s.Account != "" && s.Account == o.Account || folded(s.By) == folded(o.By)
}

func folded(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

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

// SaidInTrail is the word that an entry tells of; ok is false if it tells of none.
func SaidInTrail(e *TrailEntry) (s ApprovalSaid, ok bool) {
	switch w := Word(e.Kind); w {
	case SaidYes, SaidBreakGlass, SaidNo, SaidByTime:
		return ApprovalSaid{Word: w, At: e.At, By: e.By, Account: e.Account, Seen: e.Seen, Why: e.Why, Instead: e.Instead}, true
	}
	return s, false
}
