package fallback

import (
	"slices"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// calledOff is n, which an operator has stopped.
func calledOff(n notification.Notification) notification.Notification {
	n.Stop = notification.CalledOff
	return n
}

// named is n with the provider's id of its current attempt's message.
func named(n notification.Notification, id string) notification.Notification {
	n.Attempt.ProviderID = id
	return n
}

// recall is n with the recall of its current attempt, and of those before it, as far as given.
func recall(n notification.Notification, current notification.Recall, past ...notification.Recall) notification.Notification {
	return with(n, func(n *notification.Notification) {
		n.Attempt.Recall = current
		for i, r := range past {
			n.Past[i].Recall = r
		}
	})
}

// expiredOnViber is on sms, which is in state s, after viber took a message with an id and was silent.
func expiredOnViber(id string, s notification.State) notification.Notification {
	return with(onSMS(notification.Expired, s), func(n *notification.Notification) {
		n.Past[0].Took, n.Past[0].ProviderID = true, id
	})
}

// How far a recall is, in short.
const (
	no, wanted, isAsked = notification.NotRecalled, notification.RecallWanted, notification.RecallAsked
	isKept, isTaken     = notification.RecallKept, notification.Recalled
)

func TestDecideRecallOrdered(t *testing.T) {
	viber, sms := on("viber", notification.Queued), on("sms", notification.Accepted)
	gone, unnamed := named(on("viber", notification.Accepted), "p"), on("viber", notification.Accepted)
	read := reached(named(on("viber", notification.Read), "p"), "viber", channels.Read)
	bounced := settled(named(took(on("viber", notification.Failed)), "p"), notification.Unreachable, notification.Undelivered)
	silent, doubt := named(took(on("viber", notification.Expired)), "p"), named(on("viber", notification.Unknown), "p")
	superseded := settled(stale(silent), notification.Superseded, notification.NewerUpdate)
	both := named(expiredOnViber("p", notification.Accepted), "q")
	untried := settled(notification.Notification{ID: 7}, notification.Suppressed, notification.NoConsent)
	at := func(n notification.Notification) notification.Event { return current(&n, notification.RecallOrdered) }
	run(t, []decideTest{
		{"what has not left is stopped, and wanted back in case it has", viber, at(viber),
			Change{Notification: recall(calledOff(viber), wanted), Changed: true, Revoke: viber.Attempt}},
		{"what a provider has is asked for", gone, at(gone), Change{Notification: recall(calledOff(gone), isAsked), Changed: true, Recall: []uint8{0}}},
		{"not without the provider's id", unnamed, at(unnamed), Change{Notification: recall(calledOff(unnamed), wanted), Changed: true}},
		{"nor while nobody knows whether it left", doubt, at(doubt), Change{Notification: recall(calledOff(doubt), wanted), Changed: true}},
		{"nor where the provider says that it failed", bounced, at(bounced), Change{Notification: recall(bounced, wanted), Changed: true}},
		{"who was reached stays reached", read, at(read), Change{Notification: recall(read, isAsked), Changed: true, Recall: []uint8{0}}},
		{"and what was superseded superseded", superseded, at(superseded), Change{Notification: recall(superseded, isAsked), Changed: true, Recall: []uint8{0}}},
		{"what newer news stops stays so", stale(gone), at(gone), Change{Notification: recall(stale(gone), isAsked), Changed: true, Recall: []uint8{0}}},
		{"a channel that can't is only stopped", sms, at(sms), Change{Notification: calledOff(sms), Changed: true}},
		{"each channel that can is asked, past ones too", both, at(both), Change{Notification: recall(calledOff(both), no, isAsked), Changed: true, Recall: []uint8{0}}},
		{"what was never tried is left alone", untried, at(untried), Change{Notification: untried}},
		{"ordered again, what has no answer is asked again", recall(calledOff(gone), isAsked), at(gone), Change{Notification: recall(calledOff(gone), isAsked), Recall: []uint8{0}}},
		{"and what had no room is asked once", recall(calledOff(gone), wanted), at(gone),
			Change{Notification: recall(calledOff(gone), isAsked), Changed: true, Recall: []uint8{0}}},
		{"what is kept is not", recall(calledOff(gone), isKept), at(gone), Change{Notification: recall(calledOff(gone), isKept)}},
		{"nor what is gone", recall(calledOff(gone), isTaken), at(gone), Change{Notification: recall(calledOff(gone), isTaken)}},
		{"what is still wanted stays wanted", recall(calledOff(unnamed), wanted), at(unnamed), Change{Notification: recall(calledOff(unnamed), wanted)}},
	})
}

// TestDecideRecallOnSeveralChannels: the first and the last of three channels can take back what they sent.
func TestDecideRecallOnSeveralChannels(t *testing.T) {
	n := notification.Notification{ID: 7, Steps: notification.Steps("viber", "sms", "telegram")}
	n.Past = []notification.Attempt{
		{Channel: "viber", State: notification.Expired, Took: true, ProviderID: "p", Batch: 3, QueuedAt: queued},
		{Step: 1, Channel: "sms", State: notification.Expired, Took: true, ProviderID: "q", Batch: 4, QueuedAt: queued},
	}
	n.Attempt = notification.Attempt{Step: 2, Channel: "telegram", State: notification.Accepted, Took: true, ProviderID: "r", Batch: 5, QueuedAt: queued}
	n = reached(n, "telegram", channels.Accepted)
	run(t, []decideTest{
		{"both are asked", n, current(&n, notification.RecallOrdered), Change{Notification: recall(n, isAsked, isAsked, no), Changed: true, Recall: []uint8{0, 2}}},
		{"again, only who has not answered", recall(n, isTaken, isAsked, no), current(&n, notification.RecallOrdered), Change{Notification: recall(n, isTaken, isAsked, no), Recall: []uint8{0}}},
	})
}

// TestDecideRecallAsksWhenItCan: what was under way when the order came is asked for as soon as its provider is
// known to have it, by a name.
func TestDecideRecallAsksWhenItCan(t *testing.T) {
	says := func(n notification.Notification, k notification.EventKind, step uint8, id string) notification.Event {
		return event(n, k, func(e *notification.Event) { e.Attempt.Step, e.ProviderID = step, id })
	}
	waits := recall(calledOff(on("viber", notification.Queued)), wanted)
	left := recall(calledOff(on("viber", notification.Accepted)), wanted)
	revoked := recall(settled(calledOff(on("viber", notification.Revoked)), notification.Suppressed, notification.Cancelled), wanted)
	expired := recall(settled(calledOff(on("viber", notification.Expired)), notification.Suppressed, notification.Cancelled), wanted)
	failed := recall(settled(named(took(calledOff(on("viber", notification.Failed))), "p"), notification.Suppressed, notification.Cancelled), wanted)
	past := recall(calledOff(onSMS(notification.Expired, notification.Queued)), no, wanted)
	asked := []uint8{0}
	state := func(n notification.Notification, s notification.State) notification.Notification {
		return with(n, func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = s, true })
	}
	run(t, []decideTest{
		{"it had left when the order came", waits, says(waits, notification.ResultAccepted, 0, "p"),
			Change{Notification: recall(named(left, "p"), isAsked), Changed: true, Recall: asked, Await: AwaitSilence}},
		{"it is taken, and has no name yet", waits, says(waits, notification.ReceiptAccepted, 0, ""), Change{Notification: left, Changed: true, Await: AwaitSilence}},
		{"the name comes after", left, says(left, notification.ResultAccepted, 0, "p"), Change{Notification: recall(named(left, "p"), isAsked), Changed: true, Recall: asked}},
		{"or with a proof that is known already", left, says(left, notification.ReceiptAccepted, 0, "p"), Change{Notification: recall(named(left, "p"), isAsked), Changed: true, Recall: asked}},
		{"or with a better one", left, says(left, notification.ReceiptRead, 0, "p"), Change{
			Notification: reached(recall(named(state(left, notification.Read), "p"), isAsked), "viber", channels.Read), Changed: true, Recall: asked}},
		{"it had left when the lane was told", revoked, says(revoked, notification.ResultAccepted, 0, "p"),
			Change{Notification: recall(named(state(revoked, notification.Accepted), "p"), isAsked), Changed: true, Recall: asked}},
		{"who was in doubt answers late", expired, says(expired, notification.ReceiptAccepted, 0, "p"),
			Change{Notification: recall(named(took(expired), "p"), isAsked), Changed: true, Recall: asked}},
		{"it failed, and arrived after all", failed, says(failed, notification.ReceiptDelivered, 0, ""),
			Change{Notification: recall(state(failed, notification.Delivered), isAsked), Changed: true, Recall: asked}},
		{"the name of a message that failed asks for nothing", named(failed, ""), says(failed, notification.ResultAccepted, 0, "p"), Change{Notification: failed, Changed: true}},
		{"a step that was left", past, says(past, notification.ResultAccepted, 0, "p"), Change{Changed: true, Recall: asked, Notification: with(past, func(n *notification.Notification) {
			n.Past[0].Took, n.Past[0].ProviderID, n.Past[0].Recall = true, "p", isAsked
		})}},
		{"what there was no room for, by the next word of it", recall(named(left, "p"), wanted), says(left, notification.ResultAccepted, 0, "p"),
			Change{Notification: recall(named(left, "p"), isAsked), Changed: true, Recall: asked}},
		{"what nobody recalled is not asked for", on("viber", notification.Queued), says(waits, notification.ResultAccepted, 0, "p"),
			Change{Notification: named(on("viber", notification.Accepted), "p"), Changed: true, Await: AwaitSilence}},
		{"the lane stopped it: there is nothing to ask for", waits, says(waits, notification.ResultRevoked, 0, ""), Change{Notification: revoked, Changed: true}},
	})
}

func TestDecideRecallAnswers(t *testing.T) {
	one := recall(calledOff(named(on("viber", notification.Accepted), "p")), isAsked)
	past := recall(calledOff(expiredOnViber("p", notification.Delivered)), no, isAsked)
	read := recall(reached(named(on("viber", notification.Read), "p"), "viber", channels.Read), isAsked)
	never := recall(calledOff(on("viber", notification.Queued)), wanted)
	untried := settled(notification.Notification{ID: 7}, notification.Suppressed, notification.NoConsent)
	run(t, []decideTest{
		{"taken back", one, first(notification.ReceiptRecalled), Change{Notification: recall(one, isTaken), Changed: true}},
		{"or not", one, first(notification.ReceiptKept), Change{Notification: recall(one, isKept), Changed: true}},
		{"of a past attempt", past, first(notification.ReceiptRecalled), Change{Notification: recall(past, no, isTaken), Changed: true}},
		{"or not", past, first(notification.ReceiptKept), Change{Notification: recall(past, no, isKept), Changed: true}},
		{"who read it has read it", read, first(notification.ReceiptRecalled), Change{Notification: recall(read, isTaken), Changed: true}},
		{"twice", recall(one, isTaken), first(notification.ReceiptRecalled), Change{Notification: recall(one, isTaken)}},
		{"twice", recall(one, isKept), first(notification.ReceiptKept), Change{Notification: recall(one, isKept)}},
		{"the first answer wins", recall(one, isTaken), first(notification.ReceiptKept), Change{Notification: recall(one, isTaken)}},
		{"either way", recall(one, isKept), first(notification.ReceiptRecalled), Change{Notification: recall(one, isKept)}},
		{"of a past attempt as well", recall(past, no, isKept), first(notification.ReceiptRecalled), Change{Notification: recall(past, no, isKept)}},
		{"before the ledger knows that it was asked", recall(one, wanted), first(notification.ReceiptRecalled), Change{Notification: recall(one, isTaken), Changed: true}},
		{"or not", recall(past, no, wanted), first(notification.ReceiptKept), Change{Notification: recall(past, no, isKept), Changed: true}},
		{"of what nobody took", never, first(notification.ReceiptRecalled), Change{Notification: never}},
		{"or of a past attempt that nobody took", with(past, func(n *notification.Notification) { n.Past[0].Took = false }), first(notification.ReceiptKept),
			Change{Notification: with(past, func(n *notification.Notification) { n.Past[0].Took = false })}},
		{"of a step to come", one, event(one, notification.ReceiptRecalled, func(e *notification.Event) { e.Attempt.Step = 1 }), Change{Notification: one}},
		{"of what was never tried", untried, first(notification.ReceiptRecalled), Change{Notification: untried}},
	})
}

// TestDecideRecallSharesNothing: a change of a past attempt's recall leaves the notification alone that it was
// made of.
func TestDecideRecallSharesNothing(t *testing.T) {
	n := expiredOnViber("p", notification.Queued)
	for _, k := range []notification.EventKind{notification.RecallOrdered, notification.ReceiptRecalled} {
		was := slices.Clone(n.Past)
		next := Decide(n, first(k), policy(), now.Add(time.Second)).Notification
		if next.Past[0].Recall == no || !slices.Equal(was, n.Past) {
			t.Errorf("%v: %+v became %+v, and itself %+v", k, was, next.Past, n.Past)
		}
	}
}
