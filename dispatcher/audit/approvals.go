package audit

import (
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// approved: an update that was let go may have been.
func (p *pass) approved(b *book) {
	for i := range b.said {
		if s := &b.said[i]; s.Word == ledger.SaidBreakGlass && s.Why == "" {
			p.says(Approvals, b.ID, 0, "a reason", "%s broke the glass for none", s.By)
		}
	}
	if !b.letGo() || b.ID <= p.seen.before {
		return
	}
	need := b.Terms.Approval.People
	if b.RetryOf != 0 { // an operator's order tells the same again, of what was approved
		need = 0
	}
	people := differentPeople(b.said)
	if people >= need || b.brokeGlass() || p.timedOut(b) {
		return
	}
	p.says(Approvals, b.ID, 0, fmt.Sprintf("%d, or a break-glass, or a time-out that sends it", need), "let go with approvals of %d people", people)
}

// letGo reports whether an update was let go.
func (b *book) letGo() bool {
	states := []ledger.UpdateState{ledger.Approved, ledger.Planning, ledger.Sending, ledger.Closed}
	return slices.Contains(states, b.State) || !b.ApprovedAt.IsZero()
}

func differentPeople(said []ledger.ApprovalSaid) int {
	var different []ledger.ApprovalSaid
	for _, s := range said {
		if s.Word == ledger.SaidYes && !slices.ContainsFunc(different, func(o ledger.ApprovalSaid) bool { return o.SamePerson(&s) }) {
			different = append(different, s)
		}
	}
	return len(different)
}

func (b *book) brokeGlass() bool {
	return slices.ContainsFunc(b.said, func(s ledger.ApprovalSaid) bool { return s.Word == ledger.SaidBreakGlass })
}

// timedOut reports whether an update's time was over, or that of an older one in whose place it went, and
// their rules send what nobody has approved.
func (p *pass) timedOut(b *book) bool {
	for _, s := range b.said {
		late := b
		if s.Instead != 0 {
			late = p.books[s.Instead]
		}
		if s.Word == ledger.SaidByTime && late != nil && late.ID <= b.ID && sends(b) && sends(late) &&
			!s.At.Before(late.ReceivedAt.Add(time.Duration(late.Terms.Approval.TimeOut))) {
			return true
		}
	}
	return false
}

func sends(b *book) bool {
	a := &b.Terms.Approval
	return a.TimeOut > 0 && a.Then == playbook.SendIt
}

// wordsEntered: what was said of an update is what the trail says was said.
func (p *pass) wordsEntered(b *book, entered []ledger.ApprovalSaid) {
	if b.ID <= p.seen.before {
		return
	}
	for i := range max(len(b.said), len(entered)) {
		is, want := wordAt(b.said, i), wordAt(entered, i)
		if is != want {
			p.says(Trail, b.ID, 0, "as the trail says: "+want, "word %d on it: %s", i+1, is)
		}
	}
}

func wordAt(all []ledger.ApprovalSaid, i int) string {
	if i >= len(all) {
		return "none"
	}
	s := &all[i]
	return fmt.Sprintf("%s by %q (account %q) at %s, having seen %q, why %q, instead of %d", s.Word, s.By, s.Account, moment(s.At), s.Seen, s.Why, s.Instead)
}
