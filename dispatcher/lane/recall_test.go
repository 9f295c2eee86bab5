package lane

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// eraser is a provider that takes messages back.
type eraser struct {
	*provider
	say func(n int64) *channels.Error // nil is taken back

	mu    sync.Mutex
	asked []channels.Sent
}

func (e *eraser) Recall(_ context.Context, m channels.Sent) error {
	e.mu.Lock()
	e.asked = append(e.asked, m)
	e.mu.Unlock()
	id, err := e.signer.Verify(m.Ref)
	if err != nil {
		return err
	}
	if e := e.say(id.Notification); e != nil {
		return e
	}
	return nil
}

func (e *eraser) times() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

// erases is an eraser that answers as said of each notification, nil being that it has taken it back.
func erases(said map[int64]*channels.Error) *eraser {
	return &eraser{provider: newProvider(), say: func(n int64) *channels.Error { return said[n] }}
}

// recalling makes a lane whose providers, named a, b, c and so on, are these; erasers can take messages back.
func recalling(j Journal, to Inquiries, senders ...channels.Sender) *Lane {
	return newTestLane(j, newProvider(), func(o *Options) {
		o.Inquiries, o.Providers = to, nil
		for i, s := range senders {
			p := Provider{Name: string(rune('a' + i)), Sender: s, Limits: channels.Limits{Concurrency: 4, Timeout: 10 * time.Second}}
			if _, can := s.(channels.Recaller); can {
				p.Spec.RecallWithin = 48 * time.Hour
			}
			o.Providers = append(o.Providers, p)
		}
	})
}

// back asks for the messages of notifications 1..n, that the provider given has.
func back(n int, provider string) bus.Inquiries {
	q := about(n, provider)
	for i := range q.Inquiries {
		q.Inquiries[i].Address = "+1"
	}
	return q
}

func takenBack(ctx context.Context, l *Lane, q bus.Inquiries) error {
	return l.recallDocket(q).work(ctx)
}

func (m *told) keptFor(provider string) map[int64]string {
	kept := map[int64]string{}
	for _, r := range m.receipts[provider] {
		kept[r.Notification] = string(r.State) + " " + r.Code
	}
	return kept
}

// counted holds the recalls counted for each provider and answer against what is wanted.
func counted(t *testing.T, l *Lane, want map[[2]string]float64) {
	t.Helper()
	if n := testutil.CollectAndCount(l.Metrics.recalls); n != len(want) {
		t.Errorf("%d counts of recalls, want %d", n, len(want))
	}
	for k, n := range want {
		if got := testutil.ToFloat64(l.Metrics.recalls.WithLabelValues("sms", k[0], k[1])); got != n {
			t.Errorf("%v answers %s of %s counted, want %v", got, k[1], k[0], n)
		}
	}
}

// TestRecallsAreAnswered: each message is asked for of the provider that has it, and each gets an answer.
func TestRecallsAreAnswered(t *testing.T) {
	to := &told{}
	first := erases(map[int64]*channels.Error{
		2: {Class: channels.Rejected, Code: "too_old"},
		3: {Class: channels.InvalidAddress, Code: "chat_closed"},
	})
	second, mute := erases(nil), newProvider()
	l := recalling(nil, to, first, second, mute)
	q := back(8, "a")
	q.Inquiries[3].Provider = "b"
	q.Inquiries[4].Provider = "c"
	q.Inquiries[5].Provider = "gone"
	q.Inquiries[6].Address = ""
	q.Inquiries[7].Provider = "" // as it was named when the channel had one provider: whose it is, nobody knows
	if err := takenBack(t.Context(), l, q); err != nil {
		t.Fatal(err)
	}
	for provider, want := range map[string]map[int64]string{
		"a":    {1: "recalled ", 2: "kept too_old", 3: "kept chat_closed", 7: "kept unknown_address", 8: "kept not_recallable"},
		"b":    {4: "recalled "},
		"c":    {5: "kept not_recallable"},
		"gone": {6: "kept not_recallable"},
	} {
		if d := cmp.Diff(want, to.keptFor(provider)); d != "" {
			t.Errorf("answers of %s (-want +got):\n%s", provider, d)
		}
	}
	if d := cmp.Diff(bus.Receipt{Notification: 4, Step: 1, State: channels.ReceiptRecalled}, to.receipts["b"][0]); d != "" {
		t.Errorf("the receipt (-want +got):\n%s", d)
	}
	sent := func(n int64, id string) channels.Sent {
		return channels.Sent{Ref: first.signer.Ref(notification.ID{Notification: n, Step: 1}), Address: "+1", ProviderID: id}
	}
	if d := cmp.Diff([]channels.Sent{sent(1, "a"), sent(2, "b"), sent(3, "c")}, first.asked); d != "" {
		t.Errorf("the first is asked (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]channels.Sent{sent(4, "d")}, second.asked); d != "" {
		t.Errorf("the second is asked (-want +got):\n%s", d)
	}
	counted(t, l, map[[2]string]float64{{"a", "recalled"}: 1, {"a", "kept"}: 4, {"b", "recalled"}: 1, {"c", "kept"}: 1, {"gone", "kept"}: 1})
	if len(to.recalls)+len(to.inquiries) != 0 {
		t.Errorf("put back: %+v, %+v", to.recalls, to.inquiries)
	}
}

// TestRecallsOfTheOnlyProvider: where a channel has one provider, messages go without its name.
func TestRecallsOfTheOnlyProvider(t *testing.T) {
	to := &told{}
	l := recalling(nil, to, erases(nil))
	if err := takenBack(t.Context(), l, back(2, "")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[int64]string{1: "recalled ", 2: "recalled "}, to.keptFor("a")); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
	counted(t, l, map[[2]string]float64{{"a", "recalled"}: 2})
}

func TestLanesThatRecall(t *testing.T) {
	never := recalling(nil, &told{}, erases(nil))
	never.outlets[0].Spec.RecallWithin = 0
	for name, tt := range map[string]struct {
		lane *Lane
		want bool
	}{
		"one of its providers can": {recalling(nil, &told{}, newProvider(), erases(nil)), true},
		"none of its providers":    {recalling(nil, &told{}, newProvider()), false},
		"says that it can't":       {never, false},
		"nowhere to answer":        {recalling(nil, nil, erases(nil)), false},
	} {
		if got := tt.lane.recalls(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRecallThatFailsIsTriedLater: with the first failure the rest waits, as long as the provider says, and the
// one that failed goes last; when it would be too late by then, messages stay.
func TestRecallThatFailsIsTriedLater(t *testing.T) {
	for _, tt := range []struct {
		err   *channels.Error
		until time.Duration
		after time.Duration // 0 is given up
	}{
		{&channels.Error{Class: channels.Unavailable, Code: "c"}, time.Hour, askAgain},
		{&channels.Error{Class: channels.Unavailable, Code: "c", RetryAfter: time.Minute}, time.Hour, time.Minute},
		{&channels.Error{Class: channels.Auth, Code: "c"}, time.Hour, askAgain},
		{&channels.Error{Class: channels.Unknown, Code: "timeout"}, time.Hour, askAgain},
		{&channels.Error{Class: channels.RateLimited, Code: "c", RetryAfter: 3 * time.Second}, 10 * time.Second, 3 * time.Second},
		{&channels.Error{Class: channels.RateLimited, Code: "c", RetryAfter: time.Minute}, 10 * time.Second, 0},
		{&channels.Error{Class: channels.Unavailable, Code: "c"}, 10 * time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			to := &told{}
			e := erases(map[int64]*channels.Error{2: tt.err})
			l := recalling(nil, to, e)
			q := back(4, "a")
			q.Until = time.Now().Add(tt.until)
			if err := takenBack(t.Context(), l, q); err != nil {
				t.Fatal(err)
			}
			class := [2]string{"a", tt.err.Class.String()}
			want := map[int64]string{1: "recalled "}
			if tt.after == 0 {
				want[2], want[3], want[4] = "kept given_up", "kept given_up", "kept given_up"
				counted(t, l, map[[2]string]float64{{"a", "recalled"}: 1, {"a", "kept"}: 3, class: 1})
			} else {
				counted(t, l, map[[2]string]float64{{"a", "recalled"}: 1, class: 1})
			}
			if d := cmp.Diff(want, to.keptFor("a")); d != "" || e.times() != 2 {
				t.Errorf("%v: asked %d times, answers (-want +got):\n%s", tt.err, e.times(), d)
			}
			var again []bus.Inquiries
			if tt.after > 0 {
				later := q
				later.NotBefore, later.Inquiries = time.Now().UTC().Add(tt.after), []bus.Inquiry{q.Inquiries[2], q.Inquiries[3], q.Inquiries[1]}
				again = append(again, later)
			}
			if d := cmp.Diff(again, to.recalls, cmpopts.EquateEmpty()); d != "" || len(to.inquiries) != 0 {
				t.Errorf("%v: %d put among inquiries, put back (-want +got):\n%s", tt.err, len(to.inquiries), d)
			}
		})
	}
}

func TestTooLateToRecall(t *testing.T) {
	to := &told{}
	e := erases(nil)
	l := recalling(nil, to, e)
	q := back(2, "a")
	q.Until = time.Now().Add(-time.Second)
	if err := takenBack(t.Context(), l, q); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[int64]string{1: "kept too_late", 2: "kept too_late"}, to.keptFor("a")); d != "" || e.times() != 0 {
		t.Errorf("asked %d times, answers (-want +got):\n%s", e.times(), d)
	}
	counted(t, l, map[[2]string]float64{{"a", "kept"}: 2})
}

// TestRecallsKeepThePaceOfAsking: which is the provider's, and they wait while it wants quiet.
func TestRecallsKeepThePaceOfAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &told{}
		e := erases(nil)
		l := newTestLane(nil, e.provider, func(o *Options) {
			o.Inquiries = to
			o.Providers[0].Sender, o.Providers[0].Spec.RecallWithin = e, time.Hour
			o.Providers[0].Limits = channels.Limits{PerSecond: 10, Concurrency: 4, Timeout: time.Second}
		})
		begun := time.Now()
		if err := takenBack(t.Context(), l, back(21, "")); err != nil || len(to.receipts["acme"]) != 21 {
			t.Fatalf("%d answers, %v", len(to.receipts["acme"]), err)
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("21 recalls at 10 a second took %v, want 2s", took)
		}
		l.outlets[0].quiet(time.Minute)
		if err := takenBack(t.Context(), l, back(1, "")); err != nil || e.times() != 21 || len(to.recalls) != 1 || time.Until(to.recalls[0].NotBefore) != time.Minute {
			t.Errorf("asked %d times, put back %+v, %v; want it to wait for a minute", e.times(), to.recalls, err)
		}
	})
}

// TestRecallsThatCantBeToldOfAreMadeAgain: the message is not done with, whether answers found no room or what
// is put back.
func TestRecallsThatCantBeToldOfAreMadeAgain(t *testing.T) {
	for name, said := range map[string]*channels.Error{"answered": nil, "put back": {Class: channels.Unavailable, Code: "c"}} {
		away := errors.New("nats out of order")
		l := recalling(nil, &told{err: away}, erases(map[int64]*channels.Error{1: said}))
		if err := takenBack(t.Context(), l, back(1, "a")); !errors.Is(err, away) {
			t.Errorf("%s: done with it, %v", name, err)
		}
	}
}

// stumbling is a bus that doesn't take the first receipts.
type stumbling struct {
	*bus.Bus
	refused atomic.Int64
}

func (s *stumbling) PublishReceipts(ctx context.Context, provider string, r bus.Receipts) error {
	if s.refused.Add(1) == 1 {
		return bus.ErrFull
	}
	return s.Bus.PublishReceipts(ctx, provider, r)
}

// TestLaneRecalls is the whole way: recalls from their stream, answers among the receipts; where an answer could
// not be stored, the message is taken back again.
func TestLaneRecalls(t *testing.T) {
	b := bustest.Start(t)
	e := erases(map[int64]*channels.Error{2: {Class: channels.Rejected, Code: "too_old"}})
	l := recalling(b, &stumbling{Bus: b}, e)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- l.Run(ctx) }()
	answers := make(chan bus.Receipts, 4)
	go func() {
		ended <- b.Consume(ctx, bus.ReceiptsStream, "test", "", 4, func(m jetstream.Msg) {
			var r bus.Receipts
			if err := json.Unmarshal(m.Data(), &r); err != nil || bus.ProviderOf(m.Subject()) != "a" {
				t.Errorf("receipts on %s: %v", m.Subject(), err)
			}
			_ = m.Ack()
			answers <- r
		})
	}()
	if err := errors.Join(b.PublishMessage(t.Context(), bus.RecallsSubject("sms"), nil, []byte("?")), b.PublishRecalls(t.Context(), back(2, ""))); err != nil {
		t.Fatal(err)
	}
	want := bus.Receipts{Channel: "sms", Receipts: []bus.Receipt{
		{Notification: 1, Step: 1, State: channels.ReceiptRecalled}, {Notification: 2, Step: 1, State: channels.ReceiptKept, Code: "too_old"},
	}}
	if d := cmp.Diff(want, <-answers); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
	empties(t, b, bus.RecallsStream)
	if e.times() != 4 {
		t.Errorf("asked %d times, want each message twice", e.times())
	}
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
