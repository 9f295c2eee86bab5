package fallback

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// lanesToTell is a RECALLS that keeps what lanes are told, while there is room.
type lanesToTell struct {
	mute
	told  []bus.Inquiries
	tries int
	fails error // to be told
	full  error // said before
}

func (l *lanesToTell) RoomForRecalls(context.Context) error { return l.full }

func (l *lanesToTell) PublishRecalls(_ context.Context, q bus.Inquiries) error {
	if l.tries++; l.fails != nil {
		return l.fails
	}
	l.told = append(l.told, q)
	return nil
}

// all is what they were told, in order, and forgets it.
func (l *lanesToTell) all() (all []bus.Inquiry) {
	for _, q := range l.told {
		all = append(all, q.Inquiries...)
	}
	l.told = nil
	return all
}

// recalling is an engine that tells lanes of recalls.
func (w *world) recalling() (*Engine, *lanesToTell) {
	lanes := &lanesToTell{}
	e := w.beside()
	e.Inquiries = lanes
	return e, lanes
}

// hears has an engine fold an event of an attempt.
func (w *world) hears(e *Engine, n notification.Notification, k notification.EventKind, id string) {
	w.Helper()
	w.must(hears(e, n, k, id))
}

func hears(e *Engine, n notification.Notification, k notification.EventKind, id string) error {
	f := newFold(e)
	f.add(notification.Event{Attempt: notification.ID{Notification: n.ID, Step: n.Attempt.Step, Try: n.Attempt.Try}, Kind: k, ProviderID: id})
	return f.apply(context.Background())
}

// recalls carries out an operator's order to recall an update.
func (w *world) recalls(id string, update int64) {
	w.Helper()
	r, err := w.ledger.CarryOut(w.Context(), ledger.Order{ID: id, Verb: ledger.Recall, Update: update, By: "Ana", Why: "a reason"}, time.Now())
	w.must(err)
	if r.Refused {
		w.Fatal(r.Result)
	}
}

// errands counts what orders have left to be done.
func (w *world) errands() int {
	w.Helper()
	es, err := w.ledger.Errands(w.Context(), 0, 10)
	w.must(err)
	return len(es)
}

func (w *world) recallOf(n notification.Notification) notification.Recall {
	w.Helper()
	return w.get(n.ID).Attempt.Recall
}

func isBack(r notification.Recall) func(notification.Notification) bool {
	return func(n notification.Notification) bool { return n.Attempt.Recall == r }
}

// TestEngineRecalls: of three recipients one has read it, one has been sent it, and for the third it is under
// way. The second's provider can't take it back. Whoever was reached stays reached.
func TestEngineRecalls(t *testing.T) {
	w := newWorld(t)
	w.askable("viber", func(c *notification.ChannelPolicy) { c.Providers = []string{"first", "backup"} })
	ns := w.announce("a", 3, "viber", "sms")
	w.must(w.ledger.MarkSent(t.Context(), []int64{ns[0].Attempt.Batch}, time.Now()))
	w.takeBack("viber", func(q bus.Inquiry) bus.Receipt {
		if q.Provider != "backup" || q.ProviderID != fmt.Sprint("p", q.Notification) || q.Address != "v" || q.Step != 0 {
			t.Errorf("to be taken back: %+v", q)
		}
		r := bus.Receipt{Notification: q.Notification, State: channels.ReceiptRecalled}
		if q.Notification == ns[1].ID {
			r.State, r.Code = channels.ReceiptKept, "too_old"
		}
		return r
	})
	w.run()
	takes := func(i int) {
		taken := accepted
		taken.Notification, taken.Index, taken.Provider, taken.ProviderID = ns[i].ID, i, "backup", fmt.Sprint("p", ns[i].ID)
		w.lane(ns[0], taken)
		w.until("acceptance", ns[i].ID, func(n notification.Notification) bool {
			return n.Attempt.State == notification.Accepted || n.Attempt.Recall > 0
		})
	}
	takes(0)
	takes(1)
	w.receipt("viber", bus.Receipt{Notification: ns[0].ID, State: channels.ReceiptRead})
	w.until("who has read it", ns[0].ID, ended(notification.Reached))
	w.order(ledger.Order{Verb: ledger.Recall, Update: ns[0].Update})
	w.until("the third to be wanted back", ns[2].ID, isBack(notification.RecallWanted))
	takes(2) // the lane had begun
	for i, want := range []notification.Recall{notification.Recalled, notification.RecallKept, notification.Recalled} {
		w.until("the answer", ns[i].ID, isBack(want))
	}
	if got := w.get(ns[0].ID); got.Outcome != notification.Reached || got.Proof != channels.Read || got.Attempt.State != notification.Read {
		t.Errorf("who had read it: %+v", got)
	}
	for _, n := range ns[1:] {
		if got := w.get(n.ID); got.Attempt.State != notification.Accepted || got.Stop != notification.CalledOff {
			t.Errorf("what was sent: %+v", got)
		}
	}
	w.eventually("the order to be done", func() bool { return w.errands() == 0 })
	p := w.progress()
	for what, want := range map[string]int64{ledger.RecallAsked: 3, ledger.RecallKept: 1, ledger.Recalled: 2, "reached": 1} {
		if got := p.Count("*", what); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
}

// takeBack plays the lane that has messages taken back.
func (w *world) takeBack(channel string, answer func(bus.Inquiry) bus.Receipt) {
	w.serves(bus.RecallsStream, bus.RecallsConsumer(channel), bus.RecallsSubject(channel), func(q bus.Inquiries) {
		if q.Channel != channel || !q.Until.After(time.Now()) {
			w.Errorf("told of %s until %v", q.Channel, q.Until)
		}
		for _, one := range q.Inquiries {
			w.receipt(channel, answer(one))
		}
	})
}

// TestRecallTellsTheLanesOfAll: each lane of what it sent, in messages of a bounded size; what no provider
// takes back is only stopped.
func TestRecallTellsTheLanesOfAll(t *testing.T) {
	const people = bus.MaxRecalls + 2
	w := newWorld(t)
	e, lanes := w.recalling()
	update := w.announce("a", people, "viber", "sms")[0].Update
	f := newFold(e)
	var want []bus.Inquiry
	for i := range int64(people - 1) { // the last one's is in its lane
		f.add(notification.Event{Attempt: notification.ID{Notification: i + 1}, Kind: notification.ResultAccepted, ProviderID: fmt.Sprint("p", i+1)})
		want = append(want, bus.Inquiry{Notification: i + 1, ProviderID: fmt.Sprint("p", i+1)})
	}
	w.must(f.apply(t.Context()))
	w.hears(e, w.get(1), notification.SilencePassed, "") // and then it went by SMS as well
	w.hears(e, w.get(1), notification.ResultAccepted, "q")
	w.recalls("o", update)
	w.must(e.runErrands(t.Context()))
	if len(lanes.told) != 2 || len(lanes.told[0].Inquiries) != bus.MaxRecalls || lanes.told[0].Channel != "viber" || lanes.told[1].Channel != "viber" {
		t.Fatalf("%d messages to lanes, want 2 to that of viber", len(lanes.told))
	}
	if d := cmp.Diff(want, lanes.all(), cmpopts.IgnoreFields(bus.Inquiry{}, "Address")); d != "" {
		t.Errorf("to be taken back (-want +got):\n%s", d)
	}
	first, last := w.get(1), w.get(people)
	if first.Attempt.Recall != notification.NotRecalled || first.Past[0].Recall != notification.RecallAsked || first.Stop != notification.CalledOff {
		t.Errorf("who had an SMS as well: %+v", first)
	}
	if last.Attempt.Recall != notification.RecallWanted || last.Outcome != notification.Suppressed || w.errands() != 0 {
		t.Errorf("what had not left: %+v; %d errands are left", last, w.errands())
	}
}

// TestRecallWithoutAnAddress: where the directory has changed since, nobody knows where it went.
func TestRecallWithoutAnAddress(t *testing.T) {
	w := newWorld(t)
	e, lanes := w.recalling()
	ns := w.announce("a", 3, "viber", "sms")
	for i, n := range ns {
		w.hears(e, n, notification.ResultAccepted, fmt.Sprint("p", i))
	}
	w.people(2, func(r *audience.Recipient) {
		if r.ID == "c2" {
			r.Addresses[2].Address = "elsewhere"
		}
	})
	w.must(w.ledger.DeleteRecipient(t.Context(), "c3"))
	w.recalls("o", ns[0].Update)
	w.must(e.runErrands(t.Context()))
	for i, want := range []string{"v", "", ""} {
		if len(lanes.told) != 1 || len(lanes.told[0].Inquiries) != 3 || lanes.told[0].Inquiries[i].Address != want {
			t.Errorf("told %+v, want address %q of recipient %d", lanes.told, want, i+1)
		}
	}
}

// TestRecallWaitsForRoom: a full RECALLS holds up neither the next order nor deadlines, and the order is carried
// out when there is room.
func TestRecallWaitsForRoom(t *testing.T) {
	w := newWorld(t)
	e, lanes := w.recalling()
	n := w.announce("a", 1, "viber", "sms")[0]
	w.hears(e, n, notification.ResultAccepted, "p1")
	w.incident, w.givenUp = "atm", time.Now().Add(time.Minute)
	moved, late := w.announce("b", 1, "viber", "sms")[0], w.announceElsewhere("c")
	w.recalls("o1", n.Update)
	w.must(e.obey(t.Context(), ledger.Order{ID: "o2", Verb: ledger.Move, Update: moved.Update, Channel: "viber", By: "Ana", Why: "a reason"}))
	lanes.fails = fmt.Errorf("nats: %w", bus.ErrFull)
	for range 2 {
		w.must(e.runErrands(t.Context()))
	}
	w.must(e.judge(t.Context(), w.givenUp))
	if w.get(moved.ID).Attempt.Step != 1 || w.get(late.ID).Attempt.Step != 1 {
		t.Errorf("held up: %+v, %+v", w.get(moved.ID), w.get(late.ID))
	}
	if w.recallOf(n) != notification.NotRecalled || w.errands() != 1 || lanes.tries != 1 {
		t.Errorf("no room: %v, %d errands left, tried %d times; want it put off for a while", w.recallOf(n), w.errands(), lanes.tries)
	}
	lanes.fails, e.untold = nil, e.untold.Add(-roomAfter)
	w.must(e.runErrands(t.Context()))
	if w.recallOf(n) != notification.RecallAsked || w.errands() != 0 || len(lanes.all()) != 1 {
		t.Errorf("with room: %v, %d errands left", w.recallOf(n), w.errands())
	}
}

// announceElsewhere announces to one recipient what no newer news takes the place of.
func (w *world) announceElsewhere(incident string) notification.Notification {
	w.Helper()
	w.incident = incident
	return w.announce(incident, 1, "viber", "sms")[0]
}

// TestRecallOfWhatCameLate: its result comes when lanes can't be told. It is folded all the same, and asked for as
// soon as they can.
func TestRecallOfWhatCameLate(t *testing.T) {
	w := newWorld(t)
	e, lanes := w.recalling()
	n := w.announce("a", 1, "viber", "sms")[0]
	w.must(w.ledger.MarkSent(t.Context(), []int64{n.Attempt.Batch}, time.Now()))
	w.recalls("o1", n.Update)
	w.must(e.runErrands(t.Context()))
	if w.recallOf(n) != notification.RecallWanted || lanes.tries != 0 {
		t.Fatalf("under way: %v, lanes told %d times", w.recallOf(n), lanes.tries)
	}
	lanes.fails = bus.ErrFull
	w.hears(e, n, notification.ResultAccepted, "p1")
	if got := w.get(n.ID).Attempt; got.Recall != notification.RecallWanted || got.State != notification.Accepted || got.ProviderID != "p1" {
		t.Fatalf("no room: %+v, want it taken, and wanted back", got)
	}
	lanes.fails = nil
	w.must(e.runErrands(t.Context()))
	if w.errands() != 1 || lanes.tries != 1 {
		t.Fatalf("%d errands are left, and the lane was told %d times; want it put off for a while", w.errands(), lanes.tries)
	}
	e.untold = e.untold.Add(-roomAfter)
	w.must(e.runErrands(t.Context()))
	if got := lanes.all(); len(got) != 1 || got[0].ProviderID != "p1" || w.recallOf(n) != notification.RecallAsked {
		t.Errorf("with room: %v, asked for %+v", w.recallOf(n), got)
	}
	w.recalls("o3", n.Update) // no answer has come
	w.must(e.runErrands(t.Context()))
	w.hears(e, n, notification.ReceiptRecalled, "")
	w.recalls("o4", n.Update)
	w.must(e.runErrands(t.Context()))
	if got := lanes.all(); len(got) != 1 || w.recallOf(n) != notification.Recalled {
		t.Errorf("ordered again before the answer and after it: %v, asked for %+v", w.recallOf(n), got)
	}
}

// TestRecallIsToldFirst: an engine that dies when it has told the lane, and has not committed it yet, leaves the
// rest to the one after it: which tells the lane again, if the ledger doesn't have its answer.
func TestRecallIsToldFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		late     bool                   // its result comes after the order
		answered notification.EventKind // 0 is by nobody
		again    int
		want     notification.Recall
	}{
		"of an order":               {false, 0, 1, notification.RecallAsked},
		"and the lane answered":     {false, notification.ReceiptRecalled, 0, notification.Recalled},
		"and it was kept":           {false, notification.ReceiptKept, 0, notification.RecallKept},
		"of what came late":         {true, 0, 1, notification.RecallAsked},
		"taken by nobody, it seems": {true, notification.ReceiptRecalled, 1, notification.RecallAsked},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e, lanes := w.recalling()
			n := w.announce("a", 1, "viber", "sms")[0]
			w.must(w.ledger.MarkSent(t.Context(), []int64{n.Attempt.Batch}, time.Now()))
			tells := func(e *Engine) error { return e.runErrands(t.Context()) }
			if tt.late {
				w.recalls("o", n.Update)
				w.must(tells(e))
				tells = func(e *Engine) error { return hears(e, n, notification.ResultAccepted, "p1") }
			} else {
				w.hears(e, n, notification.ResultAccepted, "p1")
				w.recalls("o", n.Update)
				w.onlyRecall(e)
			}
			before := w.recallOf(n)
			w.ledger.down.Store(1)
			if err := tells(e); err == nil {
				t.Fatal("nothing was committed, and it is no error")
			}
			if got := lanes.all(); len(got) != 1 || w.recallOf(n) != before {
				t.Fatalf("asked for %+v, and %v", got, w.recallOf(n))
			}
			next, lanes := w.recalling()
			if tt.answered != 0 {
				w.hears(next, n, tt.answered, "")
			}
			w.must(tells(next))
			if got := lanes.all(); len(got) != tt.again || w.recallOf(n) != tt.want || w.errands() != 0 {
				t.Errorf("%v, asked again for %+v", w.recallOf(n), got)
			}
		})
	}
}

// onlyRecall stops what an order to recall stops, so that only the taking back is left to be done.
func (w *world) onlyRecall(e *Engine) {
	w.Helper()
	es, err := w.ledger.Errands(w.Context(), 0, 10)
	w.must(err)
	for _, er := range es {
		if er.Verb == ledger.Cancel {
			w.must(e.runErrand(w.Context(), er))
		}
	}
}
