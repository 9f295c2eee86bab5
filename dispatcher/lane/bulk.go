package lane

import (
	"context"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// bulker is the channel's provider where it takes one message for many, and most how many a call has at
// most; nil where there is none. Behind a channel with several providers nothing goes in bulk: one that
// answered for some of a call's attempts would leave the others to the next provider.
//
// The window bounds a call too: what a crash leaves in doubt is whoever was in the calls under way. Half
// of it leaves room for a second call while the first one's results are put into the journal.
func (l *Lane) bulker() (s channels.BulkSender, most int) {
	if len(l.outlets) != 1 {
		return nil, 0
	}
	s, ok := l.outlets[0].Sender.(channels.BulkSender)
	if !ok {
		return nil, 0
	}
	return s, min(s.BulkLimit(), l.window/2)
}

// together is how many attempts, from the next one on, can be made with one call: nobody's text is their
// own, nobody is there twice, and each would be made by itself now. One that was in doubt or put back is
// made by itself, and so is one that probes whether a provider works again.
func (r *run) together() int {
	s, most := r.l.bulker()
	if s == nil || len(r.unsent) > 0 || !r.l.outlets[0].bulks() {
		return 1
	}
	addresses := map[string]bool{}
	n := 0
	for i := r.started; i < r.through && n < most; i++ {
		a := &r.b.Attempts[i]
		if r.settled[i] || r.doubtful(i) || r.revoked[a.Notification] || len(a.Values) > 0 || addresses[a.Address] {
			break
		}
		addresses[a.Address] = true
		n++
	}
	return max(1, n)
}

// answers is how many results of a batch of n attempts can come with nobody there to take them: a run that
// ends without waiting for slow providers must not keep their workers.
func (l *Lane) answers(n int) int {
	if s, _ := l.bulker(); s != nil {
		return max(n, l.limits.Concurrency)
	}
	return l.limits.Concurrency
}

// inBulk makes several attempts with one call, at the pace of the channel's provider, and answers with what
// became of each.
func (l *Lane) inBulk(j job) {
	answer := func(i int, res bus.Result) {
		res.Index = i
		j.result <- res
	}
	all := func(res bus.Result) {
		for i := j.index; i < j.index+j.n; i++ {
			answer(i, res)
		}
	}
	m, err := l.message(j.batch, j.index)
	if err != nil {
		all(failure(bus.Result{}, &channels.Error{Class: channels.Rejected, Code: "missing_value", Err: err}))
		return
	}
	m.Ref, m.Address, m.Unsubscribe = "", "", ""
	var why refusal
	o := l.choose(0, j.batch.Last, &why)
	if o == nil {
		all(l.giveBack(bus.Result{}, why.err))
		return
	}
	if e := o.enter(j.ctx); e != nil {
		if j.ctx.Err() == nil {
			all(l.giveBack(bus.Result{}, e))
			return
		}
		all(failure(bus.Result{}, e))
		return
	}
	defer o.leave()
	if !o.bulks() { // not any more: whoever probes is one
		all(failure(bus.Result{}, notBegun()))
		return
	}
	l.callFor(o, j, m, answer)
}

// callFor gives m to those attempts that may still begin, and answers for all. Where the provider takes it
// from nobody in bulk, nothing went out: they are put back, to be made singly.
func (l *Lane) callFor(o *outlet, j job, m channels.Message, answer func(int, bus.Result)) {
	var begun []int
	var to []string
	for i := j.index; i < j.index+j.n; i++ {
		if !j.view.begin(j.batch.Attempts[i].Notification) {
			answer(i, failure(bus.Result{}, notBegun()))
			continue
		}
		defer j.view.end()
		begun, to = append(begun, i), append(to, j.batch.Attempts[i].Address)
	}
	if len(begun) == 0 {
		return
	}
	results, e := o.sendBulk(j.ctx, m, to)
	if e != nil && (e.Class == channels.Rejected || e.Class == channels.InvalidAddress) {
		until := time.Now().Add(singlyFor)
		o.singly.Store(&until)
		e = notBegun()
	}
	for n, i := range begun {
		one := e
		if one == nil {
			one = results[n].Err
		}
		switch {
		case one == nil:
			answer(i, bus.Result{State: bus.ResultAccepted, Proof: results[n].Ack.Proof, ProviderID: results[n].Ack.ID})
		case unsent(one.Class) && one.Code != codeNotBegun:
			answer(i, l.giveBack(bus.Result{}, one))
		default:
			answer(i, failure(bus.Result{}, one))
		}
	}
}

// singlyFor is how long nothing is tried in bulk after a provider refused to take something so.
const singlyFor = 10 * time.Minute

// bulks reports whether the provider is to be given anything in bulk now.
func (o *outlet) bulks() bool {
	until := o.singly.Load()
	return o.downSince().IsZero() && (until == nil || time.Now().After(*until))
}

// sendBulk gives the provider one message for several recipients, as send does for one.
func (o *outlet) sendBulk(ctx context.Context, m channels.Message, to []string) ([]channels.BulkResult, *channels.Error) {
	done := o.breaker.allow()
	if done == nil {
		return nil, breakerOpen()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Limits.Timeout)
	defer cancel()
	begun := time.Now()
	o.gauges.inFlight.Add(float64(len(to)))
	results, err := o.Sender.(channels.BulkSender).SendBulk(ctx, m, to)
	o.gauges.inFlight.Sub(float64(len(to)))
	o.gauges.seconds.Observe(time.Since(begun).Seconds())
	if err == nil && len(results) != len(to) {
		err = &channels.Error{Class: channels.Unknown, Code: "results"}
	}
	if err != nil {
		e := channels.AsError(err)
		results = make([]channels.BulkResult, len(to))
		for i := range results {
			results[i].Err = e
		}
		o.heed(results, done)
		return nil, e
	}
	o.heed(results, done)
	return results, nil
}

// heed learns from a call's results what they say of the provider: it works if it took something, or refused
// somebody for what they are.
func (o *outlet) heed(results []channels.BulkResult, done func(error)) {
	works := false
	var failed error
	for i := range results {
		e := results[i].Err
		o.gauges.count(e)
		if e != nil && e.Class == channels.RateLimited {
			o.quiet(e.RetryAfter)
		}
		if e == nil || healthy(e) {
			works = true
			continue
		}
		failed = e
	}
	if works {
		failed = nil
	}
	done(failed)
}
