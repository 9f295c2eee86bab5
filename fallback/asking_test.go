package fallback

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestAskingGivesLanesTime: questions that lanes can't put in the answer time have longer, up to the wait
// again; those of another channel don't count.
func TestAskingGivesLanesTime(t *testing.T) {
	const answer, wait = time.Minute, 5 * time.Minute
	var a asking
	for _, tt := range []struct {
		channel      string
		after, takes time.Duration // after: since the first question
		want         time.Duration
	}{
		{"sms", 0, 10 * time.Second, time.Minute},
		{"sms", 0, 40 * time.Second, time.Minute},
		{"sms", 0, 2 * time.Minute, 170 * time.Second},
		{"viber", 0, 10 * time.Second, time.Minute},
		{"sms", 2 * time.Minute, 20 * time.Second, 70 * time.Second},
		{"sms", 2 * time.Minute, time.Hour, 6 * time.Minute},
		{"sms", 2 * time.Minute, time.Second, 6 * time.Minute},
		{"sms", time.Hour, time.Second, time.Minute},
	} {
		if got := a.put(tt.channel, tt.takes, answer, wait, now.Add(tt.after)); got != tt.want {
			t.Errorf("%s after %v, which takes %v: %v, want %v", tt.channel, tt.after, tt.takes, got, tt.want)
		}
	}
}

// taken has a channel's provider take a notification, as of the engine's clock.
func (w *world) taken(n notification.Notification) {
	w.Helper()
	w.engine.health = newHealth(w.engine.Policy)
	took := newFold(w.engine)
	took.add(notification.Event{Attempt: notification.ID{Notification: n.ID}, Kind: notification.ResultAccepted, ProviderID: "p1"})
	w.must(took.apply(w.Context()))
}

// TestEngineThatTakesOverAsksAgain: the one that had asked has died, and so may the lane have that was to
// answer. Silence is not judged before there was time for another answer, and is judged then.
func TestEngineThatTakesOverAsksAgain(t *testing.T) {
	w := newWorld(t)
	w.askable("viber", func(c *notification.ChannelPolicy) { c.Wait = 5 * time.Minute })
	n := w.announce("a", 1, "viber", "sms")[0]
	w.taken(n)
	asked := time.Now().Add(4*time.Minute + 30*time.Second)
	w.engine.Clock = clock.Scaled(1, asked)
	w.must(w.engine.judge(t.Context(), asked)) // asks
	w.engine.asking = asking{}                 // and dies
	over := asked.Add(5 * time.Minute)
	w.engine.Clock = clock.Scaled(1, over)
	w.must(w.engine.judge(t.Context(), over))
	if got := w.get(n.ID); got.Attempt.State != notification.Accepted {
		t.Fatalf("judged, though the answer had died: %+v", got)
	}
	due, err := w.ledger.DueDeadlines(t.Context(), over.Add(time.Hour), 10)
	w.must(err)
	if len(due) != 1 || due[0].Kind != ledger.Silence || due[0].Due.Before(over.Add(59*time.Second)) {
		t.Errorf("deadlines %+v, want silence judged a minute after %v", due, over)
	}
	w.must(w.engine.judge(t.Context(), over.Add(2*time.Minute)))
	if got := w.get(n.ID); got.Attempt.Step != 1 {
		t.Errorf("%+v, want it gone on when no answer came", got)
	}
	if len(w.engine.asking.batches) != 0 {
		t.Errorf("%v is remembered, and there is nothing to wait for", w.engine.asking.batches)
	}
}

// TestDoubtWaitsUntilProvidersCanBeAsked, however short the step's wait is.
func TestDoubtWaitsUntilProvidersCanBeAsked(t *testing.T) {
	w := newWorld(t)
	w.askable("viber", func(c *notification.ChannelPolicy) { c.Wait, c.AskAfter = 10*time.Second, 30*time.Second })
	n := w.announce("a", 1, "viber", "sms")[0]
	w.engine.health = newHealth(w.engine.Policy)
	f := newFold(w.engine)
	f.add(notification.Event{Attempt: notification.ID{Notification: n.ID}, Kind: notification.ResultUnknown, Code: "timeout"})
	w.must(f.apply(t.Context()))
	due, err := w.ledger.DueDeadlines(t.Context(), time.Now().Add(time.Hour), 10)
	w.must(err)
	if len(due) != 1 || due[0].Kind != ledger.Silence || due[0].Due.Before(f.now.Add(34*time.Second)) {
		t.Errorf("deadlines %+v, want silence judged 35 seconds after %v", due, f.now)
	}
}
