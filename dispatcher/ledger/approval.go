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

// SaidInTrail is the word that an entry tells of; ok is false if it tells of none.
func SaidInTrail(e *TrailEntry) (s ApprovalSaid, ok bool) {
	switch w := Word(e.Kind); w {
	case SaidYes, SaidBreakGlass, SaidNo, SaidByTime:
		return ApprovalSaid{Word: w, At: e.At, By: e.By, Account: e.Account, Seen: e.Seen, Why: e.Why, Instead: e.Instead}, true
	}
	return s, false
}
