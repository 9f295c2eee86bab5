package fallback

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// heal puts everything right in worlds that share their time, and waits until all is over in each.
func heal(ps ...*play) {
	for _, p := range ps {
		p.mend()
	}
	for range 100 {
		if !slices.ContainsFunc(ps, func(p *play) bool { return !p.over() }) {
			for _, p := range ps {
				p.end()
			}
			return
		}
		for _, p := range ps {
			p.healthily()
		}
		time.Sleep(7 * time.Minute)
		for _, p := range ps {
			p.finish(p.engines[0], p.superseding())
			p.finish(p.engines[0], p.judging(time.Now()))
			p.check(p.T)
		}
	}
	ps[0].Fatalf("it does not come to an end: %+v", ps[0].rows())
}

// mend starts the engines again, and takes back what operators have put in the way. What providers have
// still to say comes late.
func (p *play) mend() {
	p.mended, p.full = true, false
	for _, m := range p.messages {
		m.late = true
	}
	for i := range p.engines {
		p.dies(p.engines[i])
	}
	for _, name := range []string{"cards", "atm"} {
		for _, o := range []ledger.Order{{Verb: ledger.Resume}, {Verb: ledger.Budget, Segments: 1000}} {
			o.ID, o.Team, o.Incident, o.By, o.Why = fmt.Sprint("heal-", name, o.Verb), "payments", name, "Ana", "all is well"
			p.obeyed(o)
		}
		p.resumeUpdates(name)
	}
}

func (p *play) resumeUpdates(name string) {
	s, err := p.ledger.Incident(p.Context(), "payments", name)
	if errors.Is(err, ledger.ErrNotFound) {
		return
	}
	p.must(err)
	for _, u := range s.Progress {
		p.obeyed(ledger.Order{ID: fmt.Sprint("heal-", u.ID), Verb: ledger.Resume, Update: u.ID, By: "Ana", Why: "all is well"})
	}
}

// healthily does a round of everything but for time, without mishaps.
func (p *play) healthily() {
	if u, err := p.ledger.NextToPlan(p.Context(), 0); err == nil {
		p.page(u, 10, func() []string { return []string{"viber", "sms"} })
	}
	e := p.engines[0]
	p.finish(e, p.superseding())
	for p.finish(e, p.errands()); p.errandsLeft(); {
		p.finish(e, p.errands())
	}
	p.publish(true)
	for _, h := range p.inHands() {
		if !p.gone(h) {
			p.takes(h, bus.Result{State: bus.ResultAccepted}, truths[h.Channel])
		}
	}
	p.catchUp()
	p.check(p.T)
}

// truths is what becomes of a message when all is well.
var truths = map[string][]channels.ReceiptState{"viber": {channels.ReceiptDelivered}, "sms": {channels.ReceiptDelivered}}

// catchUp has everything said and heard, and taken back what lanes are told to.
func (p *play) catchUp() {
	for all := p.unreported(); len(all) > 0; all = p.unreported() {
		p.comes(all[0])
	}
	for _, l := range p.letters {
		if !l.heard {
			p.finish(p.engines[0], p.hearing([]*letter{l}))
		}
	}
	if len(p.taking) > 0 {
		for len(p.taking) > 0 {
			p.serve(0)
		}
		p.catchUp()
	}
}
