package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// chain checks the trail's hashes from the first entry to the head.
func (a *auditor) chain(ctx context.Context, v ledger.View) error {
	var check ledger.TrailVerifier
	contains := a.Head == ledger.TrailHead{}
	for {
		links, err := v.Trail(ctx, check.Head.Seq, rowsAPage)
		if err != nil {
			return err
		}
		if len(links) == 0 {
			break
		}
		for i := range links {
			a.sum.TrailEntries++
			e, err := check.Check(&links[i])
			if err != nil {
				a.found(Violation{Invariant: Trail, Update: links[i].Update, Is: err.Error(), Want: "an unbroken chain"})
				continue
			}
			contains = contains || check.Head == a.Head
			a.entered(&e)
		}
	}
	a.sum.TrailHead = check.Head
	if !contains {
		a.found(Violation{Invariant: Trail, Is: "the trail ends at " + check.Head.String(), Want: "entry " + a.Head.String() + " in it"})
	}
	head, err := v.TrailHead(ctx)
	if err == nil && head != check.Head {
		a.found(Violation{Invariant: Trail, Is: "the last entry is " + check.Head.String(), Want: head.String()})
	}
	return err
}

// entered remembers which updates the trail knows.
func (a *auditor) entered(e *ledger.TrailEntry) {
	switch e.Kind {
	case ledger.TrailBegun:
		if e.Seq == 1 { // a second one would excuse what the trail should know
			a.seen.before = e.Update
		}
	case ledger.TrailRecorded:
		a.seen.entered[e.Update] = ledger.IncidentKey{Team: e.Team, Incident: e.Incident}
	default:
	}
}

// missing finds updates that were recorded and are gone.
func (a *auditor) missing() {
	for id, key := range a.seen.entered {
		if !a.seen.updates[id] {
			a.found(Violation{Invariant: Trail, Incident: key.String(), Update: id, Is: "the trail knows an update that is not in the ledger", Want: "the update"})
		}
	}
}

// account is what the trail says of one update, by the last entry of each kind.
type account map[ledger.TrailKind]*ledger.TrailEntry

// trail holds what the trail says of an update against the ledger.
func (p *pass) trail(ctx context.Context, b *book) error {
	links, err := p.view.TrailOf(ctx, b.ID)
	if err != nil {
		return err
	}
	said := account{}
	var words []ledger.ApprovalSaid
	for i := range links {
		var e ledger.TrailEntry
		if json.Unmarshal(links[i].Body, &e) == nil { // what can't be read, the chain has told of
			said[e.Kind] = &e
			if w, ok := ledger.SaidInTrail(&e); ok {
				words = append(words, w)
			}
		}
	}
	p.wordsEntered(b, words)
	if b.ID > p.seen.before {
		p.complete(b, said)
	}
	p.droppedEntered(b, said)
	for _, rule := range agreements() {
		e := said[rule.kind]
		if e == nil {
			continue
		}
		if is, want := rule.compare(b, e); is != want {
			p.says(Trail, b.ID, 0, fmt.Sprintf("as entry %d of the trail says: %s", e.Seq, want), "%s", is)
		}
	}
	return nil
}

// agreement compares what the ledger says with what an entry of a kind says.
type agreement struct {
	kind    ledger.TrailKind
	compare func(*book, *ledger.TrailEntry) (is, want string)
}

func agreements() []agreement {
	return []agreement{
		{ledger.TrailRecorded, recordedAgrees},
		{ledger.TrailApproved, approvedAgrees},
		{ledger.TrailNotAnnounced, notAnnouncedAgrees},
		{ledger.TrailPlanned, plannedAgrees},
		{ledger.TrailClosed, closedAgrees},
		{ledger.TrailDropped, droppedAgrees},
	}
}

// mustHave says which entries an update in a state has. Of states that are not listed it may have any.
func mustHave() map[ledger.UpdateState][]ledger.TrailKind {
	came := ledger.TrailRecorded
	return map[ledger.UpdateState][]ledger.TrailKind{
		ledger.Held:         {came},
		ledger.NotAnnounced: {came, ledger.TrailNotAnnounced},
		ledger.Approved:     {came, ledger.TrailApproved},
		ledger.Planning:     {came, ledger.TrailApproved},
		ledger.Sending:      {came, ledger.TrailApproved, ledger.TrailPlanned},
		ledger.Closed:       {came, ledger.TrailApproved, ledger.TrailPlanned, ledger.TrailClosed},
	}
}

// complete: the trail has what an update's state has come from, and nothing that it has not come to.
func (p *pass) complete(b *book, said account) {
	want, ok := mustHave()[b.State]
	if !ok {
		return
	}
	for _, rule := range agreements() {
		if rule.kind == ledger.TrailDropped {
			continue // no state asks for it, or forbids it but by what is there
		}
		if has, should := said[rule.kind] != nil, slices.Contains(want, rule.kind); has != should {
			p.says(Trail, b.ID, 0, fmt.Sprintf("an entry: %v", should), "%s with an entry %q in the trail: %v", b.State, rule.kind, has)
		}
	}
}

func recordedAgrees(b *book, e *ledger.TrailEntry) (is, want string) {
	var texts []ledger.TextDigest
	for i := range b.texts {
		texts = append(texts, b.texts[i].Digest())
	}
	ledger.SortDigests(texts)
	terms := ledger.Digest(b.TermsValue)
	if e.Terms == "" { // it is older than that terms are entered
		terms = ""
	}
	return fmt.Sprint("update ", ledger.Digest(b.Value), " with texts ", texts, " on terms ", terms),
		fmt.Sprint("update ", e.Digest, " with texts ", e.Texts, " on terms ", e.Terms)
}

func approvedAgrees(b *book, e *ledger.TrailEntry) (is, want string) {
	return fmt.Sprintf("approved by %q at %s", b.ApprovedBy, moment(b.ApprovedAt)), fmt.Sprintf("approved by %q at %s", e.By, moment(e.At))
}

func notAnnouncedAgrees(b *book, e *ledger.TrailEntry) (is, want string) {
	return fmt.Sprintf("not announced: %s", b.Reason), fmt.Sprintf("not announced: %s", e.Why)
}

func plannedAgrees(b *book, e *ledger.TrailEntry) (is, want string) {
	return audienceOf(b.rows), audienceOf(entered(e.Audience))
}

func closedAgrees(b *book, e *ledger.TrailEntry) (is, want string) {
	return fmt.Sprint(audienceOf(b.rows), ", ", b.ended), fmt.Sprint(audienceOf(entered(e.Audience)), ", ", e.Outcomes)
}

func audienceOf(n int64) string { return fmt.Sprintf("an audience of %d", n) }

func entered(n *int64) int64 {
	if n == nil {
		return -1 // no audience agrees with none
	}
	return *n
}

// outcomes counts the rows as the trail does.
func (r recount) outcomes() []ledger.TrailOutcome {
	var all []ledger.TrailOutcome
	for k, b := range r.counts {
		for o := notification.Reached; o <= notification.Superseded; o++ {
			if k.what == o.String() && b.least > 0 {
				all = append(all, ledger.TrailOutcome{Outcome: k.what, Channel: k.channel, Count: b.least})
			}
		}
	}
	ledger.SortOutcomes(all)
	return all
}
