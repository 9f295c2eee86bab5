package fallback

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// wanted makes an order one to recall an update, or all there are of its incident. There may be no room to tell
// lanes of it.
func (p *play) wanted(o *ledger.Order) {
	if rapid.IntRange(0, 3).Draw(p.T, "no room") == 0 {
		p.full, p.wasFull = true, true
	}
	if rapid.Bool().Draw(p.T, "one update") {
		o.Team, o.Incident, o.Update = "", "", int64(rapid.IntRange(1, len(p.updates)).Draw(p.T, "update"))
		p.recalled[o.Update] = true
		return
	}
	s, err := p.ledger.Incident(p.Context(), o.Team, o.Incident)
	p.must(err)
	for _, u := range s.Progress {
		p.recalled[u.ID] = true
	}
}

// lastWord has an operator, in every other play, recall what lanes and providers have just spoken of.
func (p *play) lastWord() {
	if rapid.Bool().Draw(p.T, "recalled at last") {
		o := ledger.Order{ID: "last", Verb: ledger.Recall, Team: "payments", Incident: p.updates[0].Incident, By: "Ana", Why: "a reason", At: time.Now()}
		p.wanted(&o)
		p.obeyed(o)
	}
}

func (p *play) errandsLeft() bool {
	errands, err := p.ledger.Errands(p.Context(), 0, 1)
	p.must(err)
	return len(errands) > 0
}

// takeBack has a lane do what it was told to have taken back, or a part of it.
func (p *play) takeBack(t *rapid.T) {
	p.full = false
	if len(p.taking) == 0 {
		t.Skip("nothing is to be taken back")
	}
	p.serve(rapid.IntRange(0, len(p.taking)-1).Draw(t, "docket"))
}

// serve has a lane work at a docket. What it puts back, or had done before it died, it is asked for again.
func (p *play) serve(i int) {
	var left []bus.Inquiry
	q := &p.taking[i]
	for _, one := range q.Inquiries {
		m := p.named(q.Channel, one.ProviderID)
		how := "done"
		if !p.mended {
			how = rapid.SampledFrom([]string{"done", "done", "done", "refused", "died", "put back"}).Draw(p.T, "taken back")
		}
		switch {
		case how == "put back":
			left = append(left, one)
		case one.Address == "", time.Now().After(q.Until), how == "refused" && !m.gone:
			m.stays = true
			p.answers(q.Channel, one, channels.ReceiptKept)
		case how == "died":
			m.gone, left = true, append(left, one)
		default:
			m.gone = true
			p.answers(q.Channel, one, channels.ReceiptRecalled)
		}
	}
	if q.Inquiries = left; len(left) == 0 {
		p.taking = append(p.taking[:i:i], p.taking[i+1:]...)
	}
}

func (p *play) answers(channel string, q bus.Inquiry, s channels.ReceiptState) {
	id := notification.ID{Notification: q.Notification, Step: q.Step, Try: q.Try}
	p.receives(channel, bus.Receipt{State: s, Notification: id.Notification, Step: id.Step, Try: id.Try}, word{id: id, what: receiptKinds[s]})
}

// named finds a message by the provider's id.
func (p *play) named(channel, name string) *message {
	for _, m := range p.messages {
		if m.channel == channel && m.name == name {
			return m
		}
	}
	p.Fatalf("no message on %s has the name %q", channel, name)
	return nil
}

func isRecallAnswer(k notification.EventKind) bool {
	return k == notification.ReceiptRecalled || k == notification.ReceiptKept
}

func (p *play) recallable(channel string) bool { return p.policy.Channels[channel].RecallWithin > 0 }

// askedWell: what lanes are told to have taken back is of a recalled update, and a provider has it that can;
// and it goes to where the message went, or nowhere if the directory has changed.
func (p *play) askedWell() {
	for _, q := range p.asked[p.examined:] {
		for i, one := range q.Inquiries {
			if slices.ContainsFunc(q.Inquiries[:i], func(o bus.Inquiry) bool { return o.ProviderID == one.ProviderID }) {
				p.Fatalf("to be taken back twice at once: %+v", q)
			}
			m, n := p.named(q.Channel, one.ProviderID), p.seen[one.Notification]
			if m.id.Notification != n.ID || m.id.Step != one.Step || !p.recalled[n.Update] || !p.recallable(q.Channel) {
				p.Fatalf("%+v is not to be taken back for %+v, of %+v", m, one, n)
			}
			if one.Address != m.address && (one.Address != "" || p.moves[n.Recipient-1] == 0) {
				p.Fatalf("%+v is to be taken back from %q", m, one.Address)
			}
		}
	}
	p.examined = len(p.asked)
}

// recallWent: a recall only goes forward, and only where there is one.
func (p *play) recallWent(was, is *notification.Notification) {
	for a := range is.Attempts() {
		before := notification.NotRecalled
		if a.Step <= was.Attempt.Step {
			before = attemptAt(was, a.Step).Recall
		}
		if a.Recall < before || (before >= notification.RecallKept && a.Recall != before) {
			p.Fatalf("the recall of step %d went from %v to %v: %+v", a.Step, before, a.Recall, is)
		}
		if a.Recall == notification.RecallAsked && before < a.Recall && !p.wasAsked(a) {
			p.Fatalf("no lane was told to take step %d back: %+v", a.Step, is)
		}
		if a.Recall != notification.NotRecalled && !(p.recalled[is.Update] && p.recallable(a.Channel)) {
			p.Fatalf("nobody has recalled it: %+v", is)
		}
	}
}

func (p *play) wasAsked(a *notification.Attempt) bool {
	return slices.ContainsFunc(p.asked, func(q bus.Inquiries) bool {
		return q.Channel == a.Channel && slices.ContainsFunc(q.Inquiries, func(one bus.Inquiry) bool { return one.ProviderID == a.ProviderID })
	})
}

// takenBack: of recalled updates, each message that a provider has and the ledger can name is gone, or some lane
// has said that it stays; and the ledger says the same. Nothing of other updates is gone.
func (p *play) takenBack() {
	for _, m := range p.messages {
		n := p.seen[m.id.Notification]
		a := attemptAt(&n, m.id.Step)
		if m.provider != "" && a.ProviderID != m.provider {
			p.Fatalf("a result told %q, and it is not known: %+v", m.provider, n)
		}
		switch recalled := p.recalled[n.Update] && p.recallable(m.channel); {
		case !recalled && (m.gone || a.Recall != notification.NotRecalled):
			p.Fatalf("nobody recalled %+v: %+v", m, n)
		case recalled && a.Recall == notification.NotRecalled:
			p.Fatalf("an update was recalled, and nobody wants %+v: %+v", m, n)
		case a.ProviderID != m.name:
			if m.gone {
				p.Fatalf("%+v is gone, which nobody could name: %+v", m, n)
			}
		case a.Recall == notification.Recalled && !m.gone, a.Recall == notification.RecallKept && !m.stays:
			p.Fatalf("%+v is not %v: %+v", m, a.Recall, n)
		case recalled && a.CanBeRecalled() && a.Recall < notification.RecallKept:
			p.Fatalf("%+v was not taken back: %+v", m, n)
		}
	}
}
