package fallback

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// endedWell: the outcome is what the world says that it is.
func (p *play) endedWell(n *notification.Notification) {
	switch n.Outcome {
	case notification.Reached:
		p.reachedWell(n)
		return
	case notification.Unreachable:
		if len(n.Steps) > 0 && !n.LastStep() && n.Reason != notification.OutOfDate {
			p.Fatalf("given up too early: %+v", n)
		}
		if n.LastStep() && len(n.Steps) > 0 && !p.mayLeave(n, &n.Attempt) {
			p.Fatalf("the last step was given up for no reason: %+v\nknown: %+v", n, p.facts[n.ID])
		}
	case notification.Superseded:
		if !p.overtaken(n) {
			p.Fatalf("superseded by nothing: %+v", n)
		}
	case notification.Suppressed:
		if !p.recalled[n.Update] && !slices.ContainsFunc(p.orders, func(o ledger.Order) bool { return o.Verb == ledger.Cancel && o.Update == n.Update }) {
			p.Fatalf("called off by nobody: %+v", n)
		}
	}
	for step, proof := range p.proofs(n, p.moment) {
		if proof >= p.policy.Step(n.Steps[step]).Proof {
			p.Fatalf("step %d was proven by %v before, yet it is %v", step, proof, n)
		}
	}
}

// reachedWell: some step is proven by what was said, or was taken and didn't bounce in time.
func (p *play) reachedWell(n *notification.Notification) {
	best := p.proofs(n, p.moment+1)
	for i, s := range n.Steps {
		how, step := p.policy.Step(s), uint8(i)
		if s.Channel != n.ReachedBy {
			continue
		}
		if best[step] >= how.Proof && best[step] >= n.Proof {
			return
		}
		for _, f := range p.facts[n.ID] {
			taken := f.what == notification.ResultAccepted || f.what == notification.ReceiptAccepted
			if f.id.Step == step && taken && how.Silence == channels.SilenceIsPresumed && !time.Now().Before(f.at.Add(how.BounceWindow)) {
				return
			}
		}
	}
	p.Fatalf("reached by nothing that is known: %+v\nknown: %+v", n, p.facts[n.ID])
}

// overtaken: there is newer news of the same incident for the same recipient, and no correction of
// something else.
func (p *play) overtaken(n *notification.Notification) bool {
	u, err := p.ledger.Update(p.Context(), n.Update)
	p.must(err)
	for _, o := range p.rows() {
		if o.Recipient != n.Recipient || o.Update <= n.Update {
			continue
		}
		newer, err := p.ledger.Update(p.Context(), o.Update)
		p.must(err)
		if newer.Update.Incident == u.Update.Incident && (newer.Update.Corrects == "" || u.Update.EventID <= newer.Update.Corrects) {
			return true
		}
	}
	return false
}

// over: every update has ended, with everybody accounted for.
func (p *play) over() bool {
	if p.errandsLeft() || len(p.taking) > 0 {
		return false
	}
	if slices.ContainsFunc(p.rows(), func(n notification.Notification) bool { return n.Outcome == notification.Open }) {
		return false
	}
	for id := int64(1); ; id++ {
		u, err := p.ledger.Update(p.Context(), id)
		if errors.Is(err, ledger.ErrNotFound) {
			return true
		}
		p.must(err)
		if u.State != ledger.Closed && u.State != ledger.Cancelled {
			return false
		}
	}
}

// end: what comes late is counted, but changes no outcome. Then everything is said once more, last first,
// and changes nothing; counts are true, and the audit finds nothing.
func (p *play) end() {
	for _, m := range p.messages {
		m.late = false
	}
	p.catchUp()
	p.check(p.T)
	p.counts()
	p.takenBack()
	for _, l := range slices.Backward(p.letters) {
		p.finish(p.engines[0], p.hearing([]*letter{l}))
	}
	p.check(p.T)
	p.counts()
	p.takenBack()
	p.audit()
}

func (p *play) audit() {
	_, err := audit.Run(context.Background(), p.ledger, audit.Options{Found: func(v audit.Violation) { p.Errorf("audit: %+v", v) }, Tolerance: audit.DefaultTolerance})
	p.must(err)
}

// counts: what was spent is what was handed over, and who was reached twice is counted.
func (p *play) counts() {
	doubles := map[int64]int64{}
	for _, n := range p.rows() {
		if n.Outcome != notification.Reached {
			continue
		}
		for step, proof := range p.proofs(&n, p.moment+1) {
			if s := n.Steps[step]; s.Channel != n.ReachedBy && proof >= max(channels.Delivered, p.policy.Step(s).Proof) {
				doubles[n.Update]++
			}
		}
	}
	for _, name := range []string{"cards", "atm"} {
		s, err := p.ledger.Incident(p.Context(), "payments", name)
		if errors.Is(err, ledger.ErrNotFound) {
			continue
		}
		p.must(err)
		if s.Spending.Spent != p.units[name] {
			p.Fatalf("%d segments are said to be spent, %d were handed over", s.Spending.Spent, p.units[name])
		}
		for _, u := range s.Progress {
			if is := u.Count("*", ledger.Double); is != doubles[u.ID] {
				p.Fatalf("update %d counts %d reached twice, there are %d", u.ID, is, doubles[u.ID])
			}
		}
	}
}
