package fallback

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// askable lets a channel's providers be asked, and changes how it is treated otherwise.
func (w *world) askable(channel string, change func(*notification.ChannelPolicy)) {
	w.engine.Inquiries = w.bus
	c := w.engine.Policy.Channels[channel]
	c.Askable = true
	change(&c)
	w.engine.Policy.Channels[channel] = c
}

// inquiries plays the lane that asks: it hands every inquiry about a channel to answer.
func (w *world) inquiries(channel string, answer func(bus.Inquiries)) {
	w.serves(bus.InquiriesStream, bus.InquiriesConsumer(channel), bus.InquiriesSubject(channel), answer)
}

// serves plays a lane's consumer of inquiries, or of recalls.
func (w *world) serves(stream, consumer, subject string, answer func(bus.Inquiries)) {
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- w.bus.Consume(ctx, stream, consumer, subject, 4, func(m jetstream.Msg) {
			var q bus.Inquiries
			if err := json.Unmarshal(m.Data(), &q); err != nil {
				w.Error(err)
			}
			answer(q)
			_ = m.Ack()
		})
	}()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	})
}

func TestDecideAbsent(t *testing.T) {
	unknown := with(code(on("sms", notification.Unknown), "timeout"), func(n *notification.Notification) { n.Attempt.ProviderID = "backup|" })
	absent := event(unknown, notification.ReceiptAbsent, func(e *notification.Event) { e.Code = "not_found" })
	again := with(on("sms", notification.Queued), func(n *notification.Notification) { n.Attempt.Try = 1 })
	late := with(unknown, func(n *notification.Notification) { n.Attempt.QueuedAt = now.Add(-11 * time.Minute) })
	gone := goneOn(with(code(late, "not_found"), func(n *notification.Notification) {
		n.Attempt.State, n.Attempt.ProviderID = notification.Failed, ""
	}))
	accepted, open := on("sms", notification.Accepted), on("sms", notification.Queued)
	past := with(onSMS(notification.Expired, notification.Queued), func(*notification.Notification) {})
	run(t, []decideTest{
		{"what did not go out goes out, at once", unknown, absent, Change{Notification: again, Changed: true, Queue: true, NotBefore: now}},
		{"but not once its step's time is over", late, absent, Change{Notification: gone, Changed: true, Queue: true, NotBefore: now}},
		{"stale news doesn't", stale(unknown), absent, Change{Changed: true, Notification: settled(stale(with(unknown, func(n *notification.Notification) {
			n.Attempt.State, n.Attempt.ProviderID, n.Attempt.Code = notification.Revoked, "", ""
		})), notification.Superseded, notification.NewerUpdate)}},
		{"who was reached isn't tried again", reached(unknown, "viber", channels.Read), absent, Change{Notification: reached(unknown, "viber", channels.Read)}},
		{"what a provider took is there", accepted, current(&accepted, notification.ReceiptAbsent), Change{Notification: accepted}},
		{"what has not been tried may well be absent", open, current(&open, notification.ReceiptAbsent), Change{Notification: open}},
		{"a step that was left is not taken again", past, first(notification.ReceiptAbsent), Change{Notification: past}},
		{"an earlier try was absent", again, first(notification.ReceiptAbsent), Change{Notification: again}},
	})
}

func TestDecideLearnsTheID(t *testing.T) {
	at := func(id string) notification.Notification {
		return with(on("sms", notification.Unknown), func(n *notification.Notification) { n.Attempt.ProviderID = id })
	}
	for _, tt := range []struct{ was, says, is string }{
		{"", "id", "id"}, {"backup|", "backup|id", "backup|id"}, {"id", "other", "id"}, {"backup|id", "first|id", "backup|id"}, {"backup|", "", "backup|"},
	} {
		n := at(tt.was)
		c := Decide(n, event(n, notification.ReceiptAccepted, func(e *notification.Event) { e.ProviderID = tt.says }), policy(), now)
		if got := c.Notification.Attempt.ProviderID; got != tt.is {
			t.Errorf("%q is told %q: %q, want %q", tt.was, tt.says, got, tt.is)
		}
	}
}

// TestLostReceiptIsAskedFor: the webhook never came, the recipient has the message, and no SMS is sent.
func TestLostReceiptIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.askable("viber", func(c *notification.ChannelPolicy) {
		c.Wait, c.ByID, c.Providers = 2*time.Second, false, []string{"first", "backup"}
	})
	ns := w.announce("a", 2, "viber", "sms")
	w.inquiries("viber", func(q bus.Inquiries) {
		want := []bus.Inquiry{{Notification: ns[0].ID, Provider: "backup", ProviderID: "p1"}}
		if d := cmp.Diff(want, q.Inquiries); d != "" || q.Channel != "viber" || !q.Until.After(time.Now()) {
			t.Errorf("asked about %+v, until %v (-want +got):\n%s", q.Inquiries, q.Until, d)
		}
		w.receipt("viber", bus.Receipt{Notification: ns[0].ID, ProviderID: "p1", State: channels.ReceiptRead})
	})
	w.run()
	taken, heard := accepted, accepted
	taken.Provider, heard.Provider = "backup", "first"
	heard.Notification, heard.Index, heard.ProviderID = ns[1].ID, 1, "p2"
	w.lane(ns[0], taken, heard)
	w.receipt("viber", bus.Receipt{Notification: ns[1].ID, State: channels.ReceiptRead}) // heard of: not asked about
	for _, n := range ns {
		got := w.until("the outcome", n.ID, func(n notification.Notification) bool { return n.Outcome != notification.Open })
		if got.Outcome != notification.Reached || got.ReachedBy != "viber" || got.Attempt.Step != 0 {
			t.Errorf("%+v, want it reached by viber", got)
		}
	}
	if n := testutil.ToFloat64(w.engine.Metrics.asked.WithLabelValues("viber", "true")); n != 1 {
		t.Errorf("%v asked about, want 1", n)
	}
}

// TestSilenceIsJudgedWithoutAnAnswer: neither a provider that can't say nor lanes that can't be told hold
// anybody up.
func TestSilenceIsJudgedWithoutAnAnswer(t *testing.T) {
	for name, inquiries := range map[string]func(*world) Inquiries{
		"no answer":    func(w *world) Inquiries { return w.bus },
		"not told":     func(*world) Inquiries { return mute{} },
		"nobody to be": func(*world) Inquiries { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.askable("viber", func(c *notification.ChannelPolicy) { c.Wait = 500 * time.Millisecond })
			w.engine.Inquiries = inquiries(w)
			n := w.announce("a", 1, "viber", "sms")[0]
			w.run()
			w.lane(n, accepted)
			got := w.until("the second step", n.ID, onStep(1))
			if got.Past[0].State != notification.Expired {
				t.Errorf("the first step is %v, want it expired", got.Past[0].State)
			}
		})
	}
}

// mute is an INQUIRIES that takes nothing.
type mute struct{}

func (mute) PublishInquiries(context.Context, bus.Inquiries, string) error { return bus.ErrFull }
func (mute) PublishRecalls(context.Context, bus.Inquiries) error           { return bus.ErrFull }
func (mute) RoomForRecalls(context.Context) error                          { return nil }

// TestEngineThatWasAwayAsksBeforeItJudges: what providers reported meanwhile is lost, and the wait is over.
func TestEngineThatWasAwayAsksBeforeItJudges(t *testing.T) {
	w := newWorld(t)
	w.askable("viber", func(c *notification.ChannelPolicy) { c.Wait = 5 * time.Minute })
	n := w.announce("a", 1, "viber", "sms")[0]
	w.taken(n)
	w.engine.Clock = clock.Scaled(1, time.Now().Add(time.Hour)) // it comes back an hour later
	back := w.engine.Clock.Now()
	w.must(w.engine.judge(t.Context(), back))
	if got := w.get(n.ID); got.Attempt.State != notification.Accepted {
		t.Fatalf("judged unheard: %+v", got)
	}
	due, err := w.ledger.DueDeadlines(t.Context(), back.Add(time.Hour), 10)
	w.must(err)
	if len(due) != 1 || due[0].Kind != ledger.Silence || due[0].Due.Before(back.Add(59*time.Second)) || due[0].Due.After(back.Add(2*time.Minute)) {
		t.Errorf("deadlines %+v, want silence judged a minute after %v", due, back)
	}
	w.must(w.engine.judge(t.Context(), back.Add(2*time.Minute)))
	if got := w.get(n.ID); got.Attempt.Step != 1 {
		t.Errorf("%+v, want it gone on when no answer came", got)
	}
}

// TestUnknownIsResolved: an attempt that may have gone out is never just sent again.
func TestUnknownIsResolved(t *testing.T) {
	unknown := bus.Result{State: bus.ResultUnknown, Class: channels.Unknown, Code: "timeout", Provider: "first"}
	for name, tt := range map[string]struct {
		receipt *bus.Receipt // nil is none
		ok      func(notification.Notification) bool
	}{
		"by a receipt": {&bus.Receipt{State: channels.ReceiptRead}, func(n notification.Notification) bool {
			return n.Outcome == notification.Reached && n.ReachedBy == "viber" && n.Attempt.Try == 0
		}},
		"by an answer: it is there": {&bus.Receipt{State: channels.ReceiptRead, ProviderID: "p7"}, func(n notification.Notification) bool {
			return n.Outcome == notification.Reached && n.Attempt.ProviderID == "p|p7"
		}},
		"by an answer: it never was": {&bus.Receipt{State: channels.ReceiptAbsent}, func(n notification.Notification) bool {
			return n.Attempt.Step == 0 && n.Attempt.Try == 1 && n.Attempt.State == notification.Queued && n.Attempt.Batch > 1 && n.Attempt.ProviderID == ""
		}},
		"by its deadline": {nil, func(n notification.Notification) bool {
			return n.Attempt.Step == 1 && n.Past[0].State == notification.Expired
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.askable("viber", func(c *notification.ChannelPolicy) {
				c.ByID, c.Providers = false, []string{"first", "p"}
				if tt.receipt == nil {
					c.Wait = 500 * time.Millisecond
				}
			})
			n := w.announce("a", 1, "viber", "sms")[0]
			w.run()
			w.lane(n, unknown)
			if tt.receipt != nil {
				w.until("doubt", n.ID, is(notification.Unknown))
				tt.receipt.Notification = n.ID
				w.receipt("viber", *tt.receipt)
			}
			w.until(name, n.ID, tt.ok)
		})
	}
}

func TestAnswerTime(t *testing.T) {
	for _, tt := range []struct {
		scale      float64
		wait, want time.Duration
	}{
		{0, 5 * time.Minute, time.Minute}, {0, 10 * time.Second, 5 * time.Second}, {0, 20 * time.Second, 5 * time.Second},
		{0, 2 * time.Second, time.Second}, {60, 20 * time.Minute, 5 * time.Minute}, {60, time.Hour, 12 * time.Minute},
	} {
		e := Engine{}
		if tt.scale > 0 {
			e.Clock = clock.Scaled(tt.scale, now)
		}
		if got := e.answerTime(tt.wait); got != tt.want {
			t.Errorf("of %v at scale %v: %v, want %v", tt.wait, tt.scale, got, tt.want)
		}
	}
}
