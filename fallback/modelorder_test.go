package fallback

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestOrderDoesNotMatter lets the same be said in two orders, with repeats and in other company, to two
// engines on copies of one ledger. After the world has healed the ledgers say the same.
func TestOrderDoesNotMatter(t *testing.T) {
	blank := blankLedger(t)
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			p := newPlay(t, blank)
			p.engines = []*incarnation{p.engine(false)}
			p.story()
			p.must(p.ledger.Close())
			one, other := p.twin(), p.twin()
			defer one.close()
			defer other.close()
			one.hearsAll()
			other.hearsAll()
			heal(one, other)
			if d := cmp.Diff(one.canonical(), other.canonical()); d != "" {
				t.Fatalf("the order made a difference (-one +other):\n%s", d)
			}
		})
	})
}

// story is what is said: each attempt of an update's first steps is made, and its provider tells the whole
// truth of it. Perhaps there is newer news.
func (p *play) story() {
	p.announce(p.T)
	p.plan(p.T)
	p.publish(true)
	for _, h := range p.inHands() {
		p.truly(h)
	}
	for all := p.unreported(); len(all) > 0; all = p.unreported() {
		p.comes(all[0])
	}
	if rapid.Bool().Draw(p.T, "newer news") {
		p.updates = append(p.updates, p.updates[0])
		u := &p.updates[1]
		u.EventID = "e2"
		p.take(*u)
	}
}

// truly has a lane make an attempt of which nothing contradictory is said.
func (p *play) truly(h inHand) {
	switch rapid.SampledFrom([]string{"taken", "refused", "returned", "left"}).Draw(p.T, "result") {
	case "taken":
		p.takes(h, bus.Result{State: bus.ResultAccepted}, p.truth(h.Channel))
	case "refused":
		p.says(h, bus.Result{State: bus.ResultFailed, Class: channels.Rejected, Code: "no"})
	case "returned":
		p.says(h, bus.Result{State: bus.ResultReturned, Class: channels.Unavailable, Code: "503"})
	case "left":
		p.leaves(h, p.truth(h.Channel))
		p.says(h, bus.Result{State: bus.ResultUnknown, Class: channels.Unknown, Code: "timeout"})
	}
}

func (p *play) truth(channel string) []channels.ReceiptState {
	const delivered, read, failed = channels.ReceiptDelivered, channels.ReceiptRead, channels.ReceiptFailed
	switch channel {
	case "telegram", "email":
		return nil
	default:
		return rapid.SampledFrom([][]channels.ReceiptState{nil, {delivered}, {delivered, read}, {read}, {failed}}).Draw(p.T, "truth")
	}
}

// twin is the same world again, on a copy of the ledger, with an engine that has heard nothing.
func (p *play) twin() *play {
	q := *p
	q.ledger, q.dir = openCopy(p.T, filepath.Join(p.dir, "ledger.db"))
	q.surroundings, q.known = newSurroundings(), newKnown()
	q.updates, q.consents = slices.Clone(p.updates), p.consents
	for _, b := range p.parcels {
		q.parcels = append(q.parcels, &parcel{b.Batch, slices.Clone(b.answered)})
		q.units[b.Incident] += b.Units
	}
	for _, l := range p.letters {
		again := *l
		q.letters = append(q.letters, &again)
	}
	q.ids = p.ids
	q.engines = []*incarnation{q.engine(false)}
	return &q
}

// hearsAll has the engine hear all letters, in an order of its own, some of them more than once, and newer
// news between; then the world heals.
func (p *play) hearsAll() {
	todo := rapid.Permutation(append(slices.Clone(p.letters), nil)).Draw(p.T, "order")
	for _, l := range todo {
		if l == nil {
			p.newer()
			continue
		}
		ls := []*letter{l}
		if len(p.letters) > 1 && rapid.Bool().Draw(p.T, "in company") {
			ls = append(ls, p.letters[rapid.IntRange(0, len(p.letters)-1).Draw(p.T, "letter")])
		}
		p.finish(p.engines[0], p.hearing(ls))
		p.check(p.T)
	}
}

// newer plans the newer news, if there is any.
func (p *play) newer() {
	if u, err := p.ledger.NextToPlan(p.Context(), 0); err == nil {
		p.page(u, 10, func() []string { return []string{"sms"} })
		p.finish(p.engines[0], p.superseding())
	}
}

// canonical is what must not depend on the order: how everybody ended, and what is known of the attempts
// that were spoken of. With what proof somebody was reached depends on which came first, and what the
// cascade had gone on to by then on when it was heard; whether the last step failed before there was newer
// news or after it is the difference between unreachable and superseded. None of it is to be otherwise.
func (p *play) canonical() (lines []string) {
	for _, n := range p.rows() {
		var first notification.Attempt
		for a := range n.Attempts() {
			if a.Step == 0 {
				first = *a
			}
		}
		if n.Outcome == notification.Unreachable && p.overtaken(&n) {
			n.Outcome, n.Reason = notification.Superseded, notification.NewerUpdate
		}
		lines = append(lines, fmt.Sprint(n.ID, n.Update, n.Recipient, n.Outcome, n.Reason, n.ReachedBy, first.State, first.Took))
	}
	return lines
}
