package fallback

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// known is what the model knows: what the world asked for, what the engines have been told, and the
// ledger as it was last.
type known struct {
	consents []map[string]bool // by recipient, as it is now
	moves    []int             // by recipient: how often their addresses have changed
	updates  []incident.Update
	orders   []ledger.Order
	recalled map[int64]bool // updates that operators have recalled
	wasFull  bool           // for some time there was no room to tell lanes of it
	examined int            // so many of the words about it were looked at

	moment int               // counts steps
	facts  map[int64][]fact  // by notification: what was folded
	whose  map[string]bool   // providers' ids that results have told
	early  map[string][]fact // what was folded of ids that were not told yet
	judged time.Time         // up to when deadlines were judged
	seen   map[int64]notification.Notification
	since  map[notification.ID]time.Time // when an attempt was seen first
	dead   map[int64]map[string]bool     // by recipient and channel: addresses that were dead before this step
}

// fact is a word that an engine has folded.
type fact struct {
	word
	at     time.Time
	moment int
}

func newKnown() known {
	return known{
		recalled: map[int64]bool{}, facts: map[int64][]fact{}, whose: map[string]bool{}, early: map[string][]fact{},
		seen: map[int64]notification.Notification{}, since: map[notification.ID]time.Time{}, dead: map[int64]map[string]bool{},
	}
}

// hears notes what a letter says, once it is folded. What names a provider's id only is known when a
// result has told whose that is.
func (p *play) hears(l *letter) {
	l.folded = true
	for _, w := range l.words {
		if isRecallAnswer(w.what) {
			continue // which says nothing of what became of the notification
		}
		f := fact{w, time.Now(), p.moment}
		if w.provider != "" && !w.tells && !p.whose[w.provider] {
			p.early[w.provider] = append(p.early[w.provider], f)
			continue
		}
		p.knows(f)
		if w.tells {
			p.whose[w.provider] = true
			for _, e := range p.early[w.provider] {
				p.knows(fact{e.word, f.at, f.moment})
			}
			delete(p.early, w.provider)
		}
	}
}

func (p *play) knows(f fact) {
	n := f.id.Notification
	p.facts[n] = append(p.facts[n], f)
}

func (p *play) rows() []notification.Notification {
	ids := make([]int64, 64)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	ns, err := p.ledger.Notifications(p.Context(), ids)
	p.must(err)
	return ns
}

// check holds the ledger to what must be true after every step.
func (p *play) check(*rapid.T) {
	rows := p.rows()
	for i := range rows {
		n := &rows[i]
		before, ok := p.seen[n.ID]
		if ok {
			p.went(&before, n)
		}
		p.queuedWell(n)
		p.proven(n)
		if n.Outcome != notification.Open && (!ok || before.Outcome == notification.Open) {
			p.endedWell(n)
		}
		p.onTime(n)
		p.seen[n.ID] = *n
	}
	p.inHandWell()
	p.askedWell()
	p.buries()
	p.moment++
}

// buries notes which addresses are dead.
func (p *play) buries() {
	for i := range p.consents {
		number := int64(i + 1)
		rs, err := p.ledger.RecipientsByNumber(p.Context(), []int64{number})
		p.must(err)
		p.dead[number] = map[string]bool{}
		for _, a := range rs[0].Dead {
			p.dead[number][a.Channel] = true
		}
	}
}

// went: an outcome never changes, versions count changes, no attempt is forgotten, and a step is left only
// for a reason.
func (p *play) went(was, is *notification.Notification) {
	if was.Outcome != notification.Open && (was.Outcome != is.Outcome || was.Reason != is.Reason || was.Proof != is.Proof ||
		was.ReachedBy != is.ReachedBy || !was.SettledAt.Equal(is.SettledAt)) {
		p.Fatalf("an outcome changed: %+v became %+v", was, is)
	}
	if changed := was.Attempt != is.Attempt || was.Stop != is.Stop || was.Outcome != is.Outcome || !slices.Equal(was.Past, is.Past); changed != (was.Version < is.Version) && (changed || !p.wasFull) {
		p.Fatalf("version %d became %d: %+v became %+v", was.Version, is.Version, was, is)
	}
	if is.Attempt.Step < was.Attempt.Step || (is.Attempt.Step == was.Attempt.Step && is.Attempt.Try < was.Attempt.Try) {
		p.Fatalf("it went back: %+v became %+v", was, is)
	}
	if was.Stop != notification.GoOn && (is.Stop != was.Stop || is.Attempt.Step != was.Attempt.Step || is.Attempt.Try != was.Attempt.Try) {
		p.Fatalf("it went on although it was stopped: %+v became %+v", was, is)
	}
	p.recallWent(was, is)
	for i := len(was.Past); i < len(is.Past); i++ {
		if !p.mayLeave(is, &is.Past[i]) {
			p.Fatalf("step %d was left for no reason at %v: %+v\nknown: %+v", i, time.Now(), is, p.facts[is.ID])
		}
	}
}

// mayLeave: a step is left when it failed, could not be used, was silent for its wait, waited too long for
// its lane, or was moved.
func (p *play) mayLeave(n *notification.Notification, a *notification.Attempt) bool {
	how, now := p.policy.Step(n.Steps[a.Step]), time.Now()
	if a.Batch == 0 || p.moved(a.Channel) {
		return true
	}
	if given := p.policy.GivenUp(a.Channel, a.QueuedAt, n.Begun()); !given.IsZero() && !now.Before(given) {
		return true
	}
	return slices.ContainsFunc(p.facts[n.ID], func(f fact) bool {
		if f.id.Step != a.Step {
			return false
		}
		switch f.what {
		case notification.ResultFailed, notification.ReceiptFailed:
			return f.id.Try == a.Try
		case notification.ResultReturned, notification.ResultRevoked, notification.ReceiptAbsent:
			return f.down || f.at.Add(p.pause(f.id.Try)).After(a.QueuedAt.Add(how.Wait)) || !p.usable(n, a.Channel)
		default:
			return !now.Before(f.at.Add(how.Wait))
		}
	})
}

func (p *play) pause(try uint8) time.Duration {
	return p.policy.RetryEvery * time.Duration(max(4, try)) / 4
}

func (p *play) moved(channel string) bool {
	return slices.ContainsFunc(p.orders, func(o ledger.Order) bool { return o.Verb == ledger.Move && o.Channel == channel })
}

func (p *play) usable(n *notification.Notification, channel string) bool {
	rs, err := p.ledger.RecipientsByNumber(p.Context(), []int64{n.Recipient})
	p.must(err)
	return p.rules.Usable(&rs[0].Recipient, channel) == notification.NoReason
}

// queuedWell: an attempt is queued only where its recipient agrees and can be reached, and the news is
// still worth telling.
func (p *play) queuedWell(n *notification.Notification) {
	id := notification.ID{Notification: n.ID, Step: n.Attempt.Step, Try: n.Attempt.Try}
	if _, seen := p.since[id]; seen || n.Attempt.State != notification.Queued || n.Attempt.Batch == 0 {
		return
	}
	p.since[id] = time.Now()
	if !p.consents[n.Recipient-1][n.Attempt.Channel] || p.dead[n.Recipient][n.Attempt.Channel] {
		p.Fatalf("queued on a channel that can't be used: %+v", n)
	}
	if at := p.policy.Expires(n.Begun()); !at.IsZero() && time.Now().After(at) {
		p.Fatalf("queued at %v, when it was out of date: %+v", time.Now(), n)
	}
}

// proofs returns the best that is known of each step, by what was folded before a moment.
func (p *play) proofs(n *notification.Notification, before int) map[uint8]channels.Proof {
	best := map[uint8]channels.Proof{}
	for _, f := range p.facts[n.ID] {
		proof := map[notification.EventKind]channels.Proof{
			notification.ReceiptDelivered: channels.Delivered, notification.ReceiptRead: channels.Read,
		}[f.what]
		if f.moment < before {
			best[f.id.Step] = max(best[f.id.Step], proof)
		}
	}
	return best
}

// proven: who is known to have been reached is not left open, and nothing that was heard is lost.
func (p *play) proven(n *notification.Notification) {
	if n.Outcome != notification.Open {
		return
	}
	for step, proof := range p.proofs(n, p.moment+1) {
		if proof >= p.policy.Step(n.Steps[step]).Proof {
			p.Fatalf("step %d is proven by %v, and it is open: %+v", step, proof, n)
		}
	}
	id := notification.ID{Notification: n.ID, Step: n.Attempt.Step, Try: n.Attempt.Try}
	for _, f := range p.facts[n.ID] {
		if f.id == id && n.Attempt.State == notification.Queued && f.what != notification.ReceiptAbsent {
			p.Fatalf("%v was heard, and means nothing: %+v", f.what, n)
		}
		how := p.policy.Step(n.Steps[f.id.Step])
		if f.what == notification.ResultAccepted && f.id.Step == n.Attempt.Step && how.Proof == channels.Accepted {
			p.Fatalf("step %d is proven by acceptance, and it is open: %+v", f.id.Step, n)
		}
	}
}

// onTime: nothing waits longer than it is to.
func (p *play) onTime(n *notification.Notification) {
	b := p.parcel(n.Attempt.Batch)
	if n.Outcome != notification.Open || b == nil {
		return
	}
	how := p.policy.Step(n.Steps[n.Attempt.Step])
	wait, from := how.Wait, time.Time{}
	switch {
	case n.Attempt.State == notification.Queued:
		id := notification.ID{Notification: n.ID, Step: n.Attempt.Step, Try: n.Attempt.Try}
		if wait, from = how.Queue+5*time.Minute, p.since[id]; how.Queue == 0 {
			return
		}
	case n.Attempt.State == notification.Accepted && how.Silence == channels.SilenceIsPresumed:
		wait = how.BounceWindow
		fallthrough
	default:
		from = p.lastOf(b)
	}
	if !p.judged.Before(from.Add(wait)) {
		p.Fatalf("judged up to %v, yet it still waits since %v: %+v", p.judged, from, n)
	}
}

// lastOf is when something was last heard, or asked, of a batch.
func (p *play) lastOf(b *parcel) (last time.Time) {
	for _, it := range b.Items {
		for _, f := range p.facts[it.Notification] {
			last = latest(last, f.at)
		}
		for _, q := range p.questions {
			if q.id.Notification == it.Notification {
				last = latest(last, q.at)
			}
		}
	}
	return last
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// inHandWell: what lanes have, and were not told to stop, is what the ledger says is under way.
func (p *play) inHandWell() {
	for _, h := range p.inHands() {
		n := p.seen[h.Items[h.index].Notification]
		if !p.underWay(h, &n) && !p.revoked[h.ID][n.ID] && !p.owed(n.ID) {
			p.Fatalf("attempt %+v was not stopped: %+v", h.id(), n)
		}
	}
}

func (p *play) underWay(h inHand, n *notification.Notification) bool {
	return n.Outcome == notification.Open && n.Stop == notification.GoOn && n.Attempt.State == notification.Queued &&
		n.Attempt.Step == h.Step && n.Attempt.Try == h.Try && n.Attempt.Batch == h.ID
}

// owed: an engine that died still owes the lanes a word, and the one after it will be reminded.
func (p *play) owed(n int64) bool {
	for _, l := range p.letters {
		if l.folded && !l.heard && slices.ContainsFunc(l.words, func(w word) bool { return w.id.Notification == n }) {
			return true
		}
	}
	pages, err := p.ledger.SupersedingPages(p.Context(), 1)
	p.must(err)
	errands, err := p.ledger.Errands(p.Context(), 0, 1)
	p.must(err)
	return len(pages)+len(errands) > 0
}

// starts: a lane that sends an attempt sends nothing that an earlier try of its step may have sent.
func (p *play) starts(h inHand) {
	id := h.id()
	if n := p.seen[id.Notification]; !p.underWay(h, &n) {
		return // excused above
	}
	for id.Try > 0 {
		id.Try--
		if !slices.ContainsFunc(p.letters, func(l *letter) bool {
			return slices.ContainsFunc(l.words, func(w word) bool { return w.id == id && isUnsent(w.what) })
		}) {
			p.Fatalf("%+v is sent, though try %d may have been", h.id(), id.Try)
		}
	}
}

func isUnsent(k notification.EventKind) bool {
	return k == notification.ResultReturned || k == notification.ResultRevoked || k == notification.ReceiptAbsent
}

// paused reports whether an operator has paused an update.
func (p *play) paused(name string, update int64) bool {
	s, err := p.ledger.Incident(p.Context(), "payments", name)
	p.must(err)
	for _, u := range s.Progress {
		if u.ID == update && u.Paused {
			return true
		}
	}
	return s.Paused
}
