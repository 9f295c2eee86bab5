package fallback

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

var (
	now    = time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	queued = now.Add(-time.Minute)
)

// policy: email is presumed to arrive unless it bounces, telegram at once, sms and viber give receipts. What
// went by telegram and viber can be taken back.
func policy() notification.Policy {
	return notification.Policy{RetryEvery: 30 * time.Second, Channels: map[string]notification.ChannelPolicy{
		"email":    {Wait: time.Hour, Proof: channels.Delivered, Silence: channels.SilenceIsPresumed, BounceWindow: 10 * time.Minute},
		"telegram": {Wait: time.Hour, Proof: channels.Accepted, Silence: channels.SilenceIsPresumed, RecallWithin: 48 * time.Hour},
		"sms":      {Wait: 10 * time.Minute, Proof: channels.Delivered},
		"viber":    {Wait: 5 * time.Minute, Proof: channels.Read, ByID: true, RecallWithin: 24 * time.Hour},
	}}
}

// on is an open notification whose first step is on the channel, with sms behind it, its attempt in
// state s.
func on(channel string, s notification.State) notification.Notification {
	n := notification.Notification{ID: 7, Steps: notification.Steps(channel, "sms")}
	n.Attempt = notification.Attempt{Channel: channel, State: s, Batch: 3, QueuedAt: queued, Took: s.Proof() >= channels.Accepted}
	return n
}

// onSMS is the same after the first step failed.
func onSMS(first notification.State, s notification.State) notification.Notification {
	n := on("viber", first)
	n.Past = []notification.Attempt{n.Attempt}
	n.Attempt = notification.Attempt{Step: 1, Channel: "sms", State: s, Batch: 4, QueuedAt: queued, Took: s.Proof() >= channels.Accepted}
	return n
}

func current(n *notification.Notification, k notification.EventKind) notification.Event {
	return notification.Event{Kind: k, Attempt: notification.ID{Notification: n.ID, Step: n.Attempt.Step, Try: n.Attempt.Try}}
}

func first(k notification.EventKind) notification.Event {
	return notification.Event{Kind: k, Attempt: notification.ID{Notification: 7}}
}

// settled is n with an outcome.
func settled(n notification.Notification, o notification.Outcome, r notification.Reason) notification.Notification {
	n.Outcome, n.Reason, n.SettledAt = o, r, now
	return n
}

func reached(n notification.Notification, by string, p channels.Proof) notification.Notification {
	n = settled(n, notification.Reached, notification.NoReason)
	n.ReachedBy, n.Proof = by, p
	return n
}

func stale(n notification.Notification) notification.Notification {
	n.Stop = notification.NewerNews
	return n
}

func with(n notification.Notification, f func(*notification.Notification)) notification.Notification {
	n.Past = append([]notification.Attempt(nil), n.Past...)
	f(&n)
	return n
}

// goneOn is n with its first attempt past and sms queued.
func goneOn(n notification.Notification) notification.Notification {
	n.Past = []notification.Attempt{n.Attempt}
	n.Attempt = notification.Attempt{Step: 1, Channel: "sms", State: notification.Queued, QueuedAt: now}
	return n
}

func code(n notification.Notification, c string) notification.Notification {
	n.Attempt.Code = c
	return n
}

func took(n notification.Notification) notification.Notification {
	n.Attempt.Took = true
	return n
}

func event(n notification.Notification, k notification.EventKind, f func(*notification.Event)) notification.Event {
	ev := current(&n, k)
	f(&ev)
	return ev
}

type decideTest struct {
	name string
	n    notification.Notification
	ev   notification.Event
	want Change
}

func run(t *testing.T, tests []decideTest) {
	t.Helper()
	for _, tt := range tests {
		before := with(tt.n, func(*notification.Notification) {})
		if d := cmp.Diff(tt.want, Decide(tt.n, tt.ev, policy(), now)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
		if d := cmp.Diff(before, tt.n); d != "" {
			t.Errorf("%s: Decide changed its argument:\n%s", tt.name, d)
		}
	}
}

func TestDecideProof(t *testing.T) {
	sms, email, tg, viber := on("sms", notification.Queued), on("email", notification.Queued), on("telegram", notification.Queued), on("viber", notification.Queued)
	run(t, []decideTest{
		{"acceptance waits for a receipt where there are any", sms, current(&sms, notification.ResultAccepted),
			Change{Notification: on("sms", notification.Accepted), Changed: true, Await: AwaitSilence}},
		{"acceptance waits for bounces where silence is presumed", email, current(&email, notification.ResultAccepted),
			Change{Notification: on("email", notification.Accepted), Changed: true, Await: AwaitBounce}},
		{"without a bounce window acceptance is all there will be", tg, current(&tg, notification.ResultAccepted),
			Change{Notification: reached(on("telegram", notification.Accepted), "telegram", channels.Accepted), Changed: true}},
		{"a delivery reaches", sms, current(&sms, notification.ReceiptDelivered),
			Change{Notification: reached(on("sms", notification.Delivered), "sms", channels.Delivered), Changed: true}},
		{"reading is more than delivery", sms, current(&sms, notification.ReceiptRead),
			Change{Notification: reached(on("sms", notification.Read), "sms", channels.Read), Changed: true}},
		{"a delivery is not enough where a reader is asked for", viber, current(&viber, notification.ReceiptDelivered),
			Change{Notification: on("viber", notification.Delivered), Changed: true, Await: AwaitSilence}},
		{"an answer that may have been lost waits", sms, event(sms, notification.ResultUnknown, func(e *notification.Event) { e.Code = "timeout" }),
			Change{Notification: code(on("sms", notification.Unknown), "timeout"), Changed: true, Await: AwaitSilence}},
		{"the same where silence is presumed", email, event(email, notification.ResultUnknown, func(e *notification.Event) { e.Code = "timeout" }),
			Change{Notification: code(on("email", notification.Unknown), "timeout"), Changed: true, Await: AwaitSilence}},
		{"the provider's id is kept", sms, event(sms, notification.ResultAccepted, func(e *notification.Event) { e.ProviderID = "p" }),
			Change{Notification: with(on("sms", notification.Accepted), func(n *notification.Notification) { n.Attempt.ProviderID = "p" }), Changed: true, Await: AwaitSilence}},
		{"also after a receipt that overtook it", reached(on("sms", notification.Delivered), "sms", channels.Delivered),
			event(sms, notification.ResultAccepted, func(e *notification.Event) { e.ProviderID = "p" }),
			Change{Notification: with(reached(on("sms", notification.Delivered), "sms", channels.Delivered), func(n *notification.Notification) { n.Attempt.ProviderID = "p" }), Changed: true}},
		{"a repeat means nothing", on("sms", notification.Accepted), current(&sms, notification.ResultAccepted),
			Change{Notification: on("sms", notification.Accepted)}},
	})
}

func TestDecideAdvance(t *testing.T) {
	viber, sms, last := on("viber", notification.Queued), on("viber", notification.Accepted), onSMS(notification.Failed, notification.Queued)
	refused := event(viber, notification.ResultFailed, func(e *notification.Event) { e.Class, e.Code = channels.Rejected, "12" })
	run(t, []decideTest{
		{"a refusal goes on at once", viber, refused,
			Change{Notification: goneOn(code(on("viber", notification.Failed), "12")), Changed: true, Queue: true, NotBefore: now}},
		{"so does a failure reported later", sms, event(sms, notification.ReceiptFailed, func(e *notification.Event) { e.Code = "9" }),
			Change{Notification: goneOn(code(took(on("viber", notification.Failed)), "9")), Changed: true, Queue: true, NotBefore: now}},
		{"and silence where receipts are given", sms, current(&sms, notification.SilencePassed),
			Change{Notification: goneOn(took(on("viber", notification.Expired))), Changed: true, Queue: true, NotBefore: now}},
		{"and silence after delivery where a reader is asked for", on("viber", notification.Delivered), current(&sms, notification.SilencePassed),
			Change{Notification: goneOn(on("viber", notification.Delivered)), Changed: true, Queue: true, NotBefore: now}},
		{"a bounce within the window", on("email", notification.Accepted), event(sms, notification.ReceiptFailed, func(e *notification.Event) { e.Code = "5.1.1" }),
			Change{Notification: goneOn(code(took(on("email", notification.Failed)), "5.1.1")), Changed: true, Queue: true, NotBefore: now}},
		{"a stale notification goes no further", stale(viber), refused,
			Change{Notification: settled(stale(code(on("viber", notification.Failed), "12")), notification.Superseded, notification.NewerUpdate), Changed: true}},
		{"the last step's refusal is the end", last, event(last, notification.ResultFailed, func(e *notification.Event) { e.Class, e.Code = channels.InvalidAddress, "21610" }),
			Change{Notification: settled(code(onSMS(notification.Failed, notification.Failed), "21610"), notification.Unreachable, notification.InvalidAddress), Changed: true}},
		{"the last step's silence is the end", onSMS(notification.Failed, notification.Accepted), current(&last, notification.SilencePassed),
			Change{Notification: settled(took(onSMS(notification.Failed, notification.Expired)), notification.Unreachable, notification.Silence), Changed: true}},
	})
}

func TestDecideReasons(t *testing.T) {
	for _, tt := range []struct {
		ev   notification.Event
		want notification.Reason
	}{
		{notification.Event{Kind: notification.ResultFailed, Class: channels.InvalidAddress}, notification.InvalidAddress},
		{notification.Event{Kind: notification.ResultFailed, Class: channels.Rejected}, notification.Rejected},
		{notification.Event{Kind: notification.ResultFailed, Class: channels.InvalidAddress, Code: "no_consent"}, notification.NoConsent},
		{notification.Event{Kind: notification.ResultFailed, Class: channels.InvalidAddress, Code: "no_address"}, notification.NoAddress},
		{notification.Event{Kind: notification.ResultFailed, Class: channels.InvalidAddress, Code: "no_text"}, notification.NoText},
		{notification.Event{Kind: notification.ReceiptFailed, Code: "30003"}, notification.Undelivered},
	} {
		n := onSMS(notification.Failed, notification.Queued)
		tt.ev.Attempt = notification.ID{Notification: 7, Step: 1}
		if c := Decide(n, tt.ev, policy(), now); c.Notification.Outcome != notification.Unreachable || c.Notification.Reason != tt.want {
			t.Errorf("%+v: %v for %q, want unreachable for %q", tt.ev, c.Notification.Outcome, c.Notification.Reason, tt.want)
		}
	}
}

func TestDecideDeadlines(t *testing.T) {
	email, done := on("email", notification.Accepted), reached(on("sms", notification.Delivered), "sms", channels.Delivered)
	bounce := notification.BouncePassed
	run(t, []decideTest{
		{"a bounce window that passes is good news", email, current(&email, bounce),
			Change{Notification: reached(email, "email", channels.Accepted), Changed: true}},
		{"silence is none where it is presumed to be", email, current(&email, notification.SilencePassed), Change{Notification: email}},
		{"but it is where nobody knows whether it left", on("email", notification.Unknown), current(&email, notification.SilencePassed),
			Change{Notification: goneOn(on("email", notification.Expired)), Changed: true, Queue: true, NotBefore: now}},
		{"and then a bounce window proves nothing", on("email", notification.Unknown), current(&email, bounce), Change{Notification: on("email", notification.Unknown)}},
		{"no bounce window where receipts are given", on("sms", notification.Accepted), current(&email, bounce), Change{Notification: on("sms", notification.Accepted)}},
		{"deadlines of what has not left mean nothing", on("sms", notification.Queued), current(&email, notification.SilencePassed), Change{Notification: on("sms", notification.Queued)}},
		{"nor do they after the end", done, current(&done, notification.SilencePassed), Change{Notification: done}},
		{"also where the attempt could still expire", settled(on("sms", notification.Accepted), notification.Superseded, ""), current(&done, notification.SilencePassed),
			Change{Notification: settled(on("sms", notification.Accepted), notification.Superseded, "")}},
	})
}

func TestDecideReturned(t *testing.T) {
	sms := on("sms", notification.Queued)
	returned := func(after time.Duration) notification.Event {
		return event(sms, notification.ResultReturned, func(e *notification.Event) {
			e.Class, e.Code, e.RetryAfter = channels.RateLimited, "429", after
		})
	}
	again := with(sms, func(n *notification.Notification) { n.Attempt.Try = 1 })
	old := with(sms, func(n *notification.Notification) { n.Attempt.QueuedAt = now.Add(-9*time.Minute - 31*time.Second) })
	tired := with(sms, func(n *notification.Notification) { n.Attempt.Try = maxTry })
	takenBefore := with(again, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Accepted, true })
	arrivedBefore := reached(with(again, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Delivered, true }), "sms", channels.Delivered)
	failed := func(n notification.Notification) notification.Notification {
		return goneOn(code(with(n, func(n *notification.Notification) { n.Attempt.State = notification.Failed }), "429"))
	}
	run(t, []decideTest{
		{"another try when the lane says", sms, returned(time.Minute), Change{Notification: again, Changed: true, Queue: true, NotBefore: now.Add(time.Minute)}},
		{"or after the usual while", sms, returned(0), Change{Notification: again, Changed: true, Queue: true, NotBefore: now.Add(30 * time.Second)}},
		{"not beyond the step's wait", sms, returned(10 * time.Minute), Change{Notification: failed(sms), Changed: true, Queue: true, NotBefore: now}},
		{"counted from when the step was first queued", old, returned(0), Change{Notification: failed(old), Changed: true, Queue: true, NotBefore: now}},
		{"nor for ever", tired, event(tired, notification.ResultReturned, func(e *notification.Event) { e.Code = "429" }),
			Change{Notification: failed(tired), Changed: true, Queue: true, NotBefore: now}},
		{"a stale one is not queued again", stale(sms), returned(0),
			Change{Notification: settled(stale(on("sms", notification.Revoked)), notification.Superseded, notification.NewerUpdate), Changed: true}},
		{"nor does one that was held back count as queued later", stale(sms), event(sms, notification.ResultReturned, func(e *notification.Event) { e.Code = notification.HeldBack }),
			Change{Notification: settled(stale(on("sms", notification.Revoked)), notification.Superseded, notification.NewerUpdate), Changed: true}},
		{"word of an earlier try means nothing", again, returned(0), Change{Notification: again}},
		{"nor that it failed", again, first(notification.ReceiptFailed), Change{Notification: again}},
		{"but that it arrived does", again, first(notification.ReceiptDelivered), Change{
			Notification: reached(with(again, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Delivered, true }), "sms", channels.Delivered), Changed: true, Revoke: again.Attempt}},
		{"and so does that it was taken: the later try is not to go out as well", again, first(notification.ReceiptAccepted), Change{
			Notification: with(again, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Accepted, true }), Changed: true, Revoke: again.Attempt, Await: AwaitSilence}},
		{"a try that has left can't be stopped", with(again, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Accepted, true }), first(notification.ReceiptDelivered), Change{
			Notification: reached(with(again, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Delivered, true }), "sms", channels.Delivered), Changed: true}},
		{"said again, it stops the later one again", takenBefore, first(notification.ReceiptAccepted), Change{Notification: takenBefore, Revoke: takenBefore.Attempt}},
		{"also when that was the end of it", arrivedBefore, first(notification.ReceiptDelivered), Change{Notification: arrivedBefore, Revoke: arrivedBefore.Attempt}},
		{"a try to come is not heard of", sms, event(sms, notification.ReceiptDelivered, func(e *notification.Event) { e.Attempt.Try = 1 }), Change{Notification: sms}},
		{"nor a step to come", sms, event(sms, notification.ReceiptDelivered, func(e *notification.Event) { e.Attempt.Step = 1 }), Change{Notification: sms}},
	})
	last := onSMS(notification.Failed, notification.Queued)
	last.Attempt.QueuedAt = now.Add(-time.Hour)
	for tries, want := range map[uint8]time.Duration{0: 30 * time.Second, 8: time.Minute, 200: 5 * time.Minute} {
		last.Attempt.Try = tries
		c := Decide(last, current(&last, notification.ResultReturned), policy(), now)
		if !c.Queue || c.NotBefore.Sub(now) != want {
			t.Errorf("the last step, returned after %d tries: %+v; want another in %v", tries, c, want)
		}
	}
	last.Attempt.Try = 255
	c := Decide(last, current(&last, notification.ResultReturned), policy(), now)
	if c.Notification.Reason != notification.Unavailable || c.Notification.Outcome != notification.Unreachable {
		t.Errorf("the last step never got through: %+v", c.Notification)
	}
}

func TestDecideSupersession(t *testing.T) {
	sms, gone := on("sms", notification.Queued), on("sms", notification.Accepted)
	revoked := settled(stale(on("sms", notification.Revoked)), notification.Superseded, notification.NewerUpdate)
	run(t, []decideTest{
		{"what has not left is revoked", sms, current(&sms, notification.Supersession), Change{Notification: stale(sms), Changed: true, Revoke: sms.Attempt}},
		{"what has left is only marked", gone, current(&gone, notification.Supersession), Change{Notification: stale(gone), Changed: true}},
		{"once", stale(sms), current(&sms, notification.Supersession), Change{Notification: stale(sms)}},
		{"the lane stopped it", stale(sms), current(&sms, notification.ResultRevoked), Change{Notification: revoked, Changed: true}},
		{"the lane was too late: it is heard out", stale(sms), current(&sms, notification.ResultAccepted), Change{Notification: stale(gone), Changed: true, Await: AwaitSilence}},
		{"and may still reach", stale(gone), current(&gone, notification.ReceiptDelivered), Change{Notification: reached(stale(on("sms", notification.Delivered)), "sms", channels.Delivered), Changed: true}},
		{"or not, and then goes no further", stale(gone), current(&gone, notification.SilencePassed),
			Change{Notification: settled(took(stale(on("sms", notification.Expired))), notification.Superseded, notification.NewerUpdate), Changed: true}},
		{"it had left after all: the outcome stays", revoked, current(&sms, notification.ReceiptDelivered), Change{Changed: true,
			Notification: settled(stale(on("sms", notification.Delivered)), notification.Superseded, notification.NewerUpdate)}},
		{"stopped though nobody asked: it goes again", sms, current(&sms, notification.ResultRevoked), Change{Changed: true, Queue: true, NotBefore: now.Add(30 * time.Second),
			Notification: with(sms, func(n *notification.Notification) { n.Attempt.Try = 1 })}},
		{"not after the end", revoked, current(&sms, notification.Supersession), Change{Notification: revoked}},
	})
}

// fresh is n with an attempt that has just been queued.
func fresh(n notification.Notification) notification.Notification {
	n.Attempt.Batch, n.Attempt.QueuedAt = 0, now
	return n
}

func TestDecideOrders(t *testing.T) {
	viber, sms, gone := on("viber", notification.Queued), onSMS(notification.Failed, notification.Queued), on("viber", notification.Accepted)
	moved := fresh(onSMS(notification.Revoked, notification.Queued))
	run(t, []decideTest{
		{"cancelled before it left", viber, current(&viber, notification.Cancellation), Change{Notification: calledOff(viber), Changed: true, Revoke: viber.Attempt}},
		{"and the lane stopped it", calledOff(viber), current(&viber, notification.ResultRevoked),
			Change{Notification: settled(calledOff(on("viber", notification.Revoked)), notification.Suppressed, notification.Cancelled), Changed: true}},
		{"cancelled after it left: it may still arrive", calledOff(gone), current(&gone, notification.ReceiptRead),
			Change{Notification: reached(calledOff(on("viber", notification.Read)), "viber", channels.Read), Changed: true}},
		{"or goes no further", calledOff(gone), current(&gone, notification.SilencePassed),
			Change{Notification: settled(took(calledOff(on("viber", notification.Expired))), notification.Suppressed, notification.Cancelled), Changed: true}},
		{"superseded first stays superseded", stale(viber), current(&viber, notification.Cancellation), Change{Notification: stale(viber)}},
		{"moved on while it waits", viber, current(&viber, notification.Moved), Change{Notification: moved, Changed: true, Queue: true, NotBefore: now, Revoke: viber.Attempt}},
		{"not when it has left", gone, current(&gone, notification.Moved), Change{Notification: gone}},
		{"nor where nothing follows", sms, current(&sms, notification.Moved), Change{Notification: sms}},
		{"moved, and it had left: it may still reach", moved, first(notification.ReceiptRead), Change{
			Notification: reached(with(moved, func(n *notification.Notification) { n.Past[0].State, n.Past[0].Took = notification.Read, true }), "viber", channels.Read),
			Changed:      true, Revoke: moved.Attempt}},
	})
}

func TestDecideWithdrawals(t *testing.T) {
	viber, sms, gone := on("viber", notification.Queued), onSMS(notification.Failed, notification.Queued), on("viber", notification.Accepted)
	withdrawal := func(n notification.Notification) notification.Event {
		return event(n, notification.Withdrawal, func(e *notification.Event) { e.Code = "no_consent" })
	}
	left := fresh(with(onSMS(notification.Revoked, notification.Queued), func(n *notification.Notification) { n.Past[0].Code = "no_consent" }))
	run(t, []decideTest{
		{"goes on to the next channel", viber, withdrawal(viber), Change{Notification: left, Changed: true, Queue: true, NotBefore: now, Revoke: viber.Attempt}},
		{"and ends where nothing follows", sms, withdrawal(sms), Change{Changed: true, Revoke: sms.Attempt, Notification: settled(
			with(onSMS(notification.Failed, notification.Revoked), func(n *notification.Notification) { n.Attempt.Code = "no_consent" }), notification.Unreachable, notification.NoConsent)}},
		{"not when it has left", gone, withdrawal(gone), Change{Notification: gone}},
		{"nor where older news is being stopped", stale(viber), withdrawal(viber), Change{Changed: true, Revoke: viber.Attempt, Notification: settled(
			stale(with(on("viber", notification.Revoked), func(n *notification.Notification) { n.Attempt.Code = "no_consent" })), notification.Superseded, notification.NewerUpdate)}},
		{"once", left, event(viber, notification.Withdrawal, func(e *notification.Event) { e.Code = "no_consent" }), Change{Notification: left}},
		{"it had left all the same: it may still reach", left, first(notification.ReceiptRead), Change{Changed: true, Revoke: left.Attempt,
			Notification: reached(with(left, func(n *notification.Notification) { n.Past[0].State, n.Past[0].Took = notification.Read, true }), "viber", channels.Read)}},
	})
}

func TestDecideTooLate(t *testing.T) {
	viber, sms := on("viber", notification.Queued), onSMS(notification.Failed, notification.Queued)
	run(t, []decideTest{
		{"its lane never came: the next step", viber, current(&viber, notification.QueuePassed),
			Change{Notification: fresh(onSMS(notification.Expired, notification.Queued)), Changed: true, Queue: true, NotBefore: now, Revoke: viber.Attempt}},
		{"or the end", sms, current(&sms, notification.QueuePassed), Change{
			Notification: settled(onSMS(notification.Failed, notification.Expired), notification.Unreachable, notification.Unavailable), Changed: true, Revoke: sms.Attempt}},
		{"it has left meanwhile", on("viber", notification.Accepted), current(&viber, notification.QueuePassed), Change{Notification: on("viber", notification.Accepted)}},
	})
	p := policy()
	p.UsefulFor = time.Hour
	old := on("viber", notification.Queued)
	old.Attempt.QueuedAt = now.Add(-time.Hour)
	for _, k := range []notification.EventKind{notification.QueuePassed, notification.ResultReturned} {
		if n := Decide(old, current(&old, k), p, now).Notification; n.Outcome != notification.Unreachable || n.Reason != notification.OutOfDate {
			t.Errorf("%v of old news: %v, %v; want unreachable, out of date", k, n.Outcome, n.Reason)
		}
	}
	if n := Decide(old, current(&old, notification.ResultAccepted), p, now).Notification; n.Outcome != notification.Open || n.Attempt.State != notification.Accepted {
		t.Errorf("old news that was sent all the same: %+v", n)
	}
}

func TestDecideLateReceipts(t *testing.T) {
	waiting, left := onSMS(notification.Expired, notification.Queued), onSMS(notification.Expired, notification.Accepted)
	late := func(n notification.Notification, s notification.State) notification.Notification {
		return with(n, func(n *notification.Notification) { n.Past[0].State, n.Past[0].Took = s, true })
	}
	bySMS := reached(onSMS(notification.Expired, notification.Delivered), "sms", channels.Delivered)
	byViber := reached(late(waiting, notification.Read), "viber", channels.Read)
	run(t, []decideTest{
		{"reaches, and revokes the fallback that has not left", waiting, first(notification.ReceiptRead), Change{Notification: byViber, Changed: true, Revoke: waiting.Attempt}},
		{"says so again when it comes again: the word may have been lost", byViber, first(notification.ReceiptRead), Change{Notification: byViber, Revoke: waiting.Attempt}},
		{"reaches, and leaves a fallback that has left", left, first(notification.ReceiptRead), Change{Notification: reached(late(left, notification.Read), "viber", channels.Read), Changed: true}},
		{"too little proof is only kept", waiting, first(notification.ReceiptDelivered), Change{Notification: late(waiting, notification.Delivered), Changed: true}},
		{"a late failure doesn't go on twice", waiting, event(waiting, notification.ReceiptFailed, func(e *notification.Event) { e.Attempt.Step, e.Code = 0, "9" }),
			Change{Changed: true, Notification: with(late(waiting, notification.Failed), func(n *notification.Notification) { n.Past[0].Code = "9" })}},
		{"the lane's own word after the failure brings the id alone", with(waiting, func(n *notification.Notification) {
			n.Past[0].State, n.Past[0].Code, n.Past[0].Took = notification.Failed, "9", true
		}), event(waiting, notification.ResultAccepted, func(e *notification.Event) { e.Attempt.Step, e.ProviderID = 0, "p" }),
			Change{Changed: true, Notification: with(waiting, func(n *notification.Notification) {
				n.Past[0].State, n.Past[0].Code, n.Past[0].Took, n.Past[0].ProviderID = notification.Failed, "9", true, "p"
			})}},
		{"nor does a late silence", waiting, first(notification.SilencePassed), Change{Notification: waiting}},
		{"the second channel as well is a double reach", bySMS, first(notification.ReceiptRead), Change{Notification: late(bySMS, notification.Read), Changed: true, DoubleReach: true}},
		{"counted by the proof that was asked for", bySMS, first(notification.ReceiptDelivered), Change{Notification: late(bySMS, notification.Delivered), Changed: true}},
		{"and once", late(bySMS, notification.Read), first(notification.ReceiptRead), Change{Notification: late(bySMS, notification.Read)}},
		{"the fallback after all is one too", with(byViber, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Accepted, true }),
			event(waiting, notification.ReceiptDelivered, func(*notification.Event) {}),
			Change{Changed: true, DoubleReach: true, Notification: with(byViber, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Delivered, true })}},
		{"reading what was delivered on the second channel is not a third",
			with(byViber, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Delivered, true }), current(&waiting, notification.ReceiptRead),
			Change{Changed: true, Notification: with(byViber, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Read, true })}},
		{"reading what reached is no double reach", reached(onSMS(notification.Failed, notification.Delivered), "sms", channels.Delivered), current(&waiting, notification.ReceiptRead),
			Change{Changed: true, Notification: reached(onSMS(notification.Failed, notification.Read), "sms", channels.Delivered)}},
		{"nobody is reached after the end", settled(onSMS(notification.Failed, notification.Failed), notification.Unreachable, notification.Rejected), first(notification.ReceiptRead),
			Change{Changed: true, Notification: late(settled(onSMS(notification.Failed, notification.Failed), notification.Unreachable, notification.Rejected), notification.Read)}},
	})
}

func TestDecideWhatWasNeverTried(t *testing.T) {
	n := notification.Notification{ID: 7, Outcome: notification.Suppressed, Reason: notification.NoConsent}
	for _, k := range notification.EventKinds() {
		if d := cmp.Diff(Change{Notification: n}, Decide(n, first(k), policy(), now)); d != "" {
			t.Errorf("%v moves it:\n%s", k, d)
		}
	}
}

func TestDecideMovesOnWhereTheChannelIsDown(t *testing.T) {
	for _, tt := range []struct {
		name           string
		n              notification.Notification
		after, downFor time.Duration
		moves          bool
	}{
		{"works", on("viber", notification.Queued), time.Minute, 0, false},
		{"not for long", on("viber", notification.Queued), time.Minute, 59 * time.Second, false},
		{"for long", on("viber", notification.Queued), time.Minute, 61 * time.Second, true},
		{"never", on("viber", notification.Queued), 0, time.Hour, false},
		{"there is no next step", onSMS(notification.Failed, notification.Queued), time.Minute, time.Hour, false},
	} {
		p := policy()
		p.MoveOnAfter = tt.after
		ev := event(tt.n, notification.ResultReturned, func(ev *notification.Event) {
			ev.Code, ev.DownFor, ev.RetryAfter = "breaker_open", tt.downFor, 5*time.Second
		})
		c := Decide(tt.n, ev, p, now)
		a := c.Notification.Attempt
		if moved := a.Step == tt.n.Attempt.Step+1; moved != tt.moves || !c.Queue || (!moved && a.Try != 1) {
			t.Errorf("%s: %+v, queued again: %v", tt.name, a, c.Queue)
		}
		if tt.moves && (c.Notification.Past[0].State != notification.Failed || c.Notification.Past[0].Code != "breaker_open" || c.NotBefore.After(now)) {
			t.Errorf("%s: it went on at %v, from %+v", tt.name, c.NotBefore, c.Notification.Past)
		}
	}
}

// A step that was moved on from, and whose provider took it after all, has reached: that its own time is over
// takes nothing of that back.
func TestDecideDeadlinesOfPastStepsTakeNothingBack(t *testing.T) {
	n := reached(onSMS(notification.Accepted, notification.Queued), "viber", channels.Accepted)
	for _, k := range []notification.EventKind{notification.SilencePassed, notification.BouncePassed, notification.QueuePassed} {
		if c := Decide(n, first(k), policy(), now); c.Changed || c.Queue || c.Notification.Past[0].State != notification.Accepted {
			t.Errorf("%s: %+v", k, c)
		}
	}
}
