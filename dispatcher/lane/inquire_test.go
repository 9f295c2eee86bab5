package lane

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// oracle is a provider that can be asked.
type oracle struct {
	*provider
	say func(n int64, q channels.Inquiry) (channels.Receipt, error)

	mu    sync.Mutex
	asked []channels.Inquiry
}

func (o *oracle) Inquire(_ context.Context, q channels.Inquiry) (channels.Receipt, error) {
	o.mu.Lock()
	o.asked = append(o.asked, q)
	o.mu.Unlock()
	id, err := o.signer.Verify(q.Ref)
	if err != nil {
		return channels.Receipt{}, err
	}
	return o.say(id.Notification, q)
}

func (o *oracle) times() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

// says is an oracle with one answer.
func says(r channels.Receipt, e *channels.Error) *oracle {
	return &oracle{provider: newProvider(), say: func(int64, channels.Inquiry) (channels.Receipt, error) {
		if e != nil {
			return channels.Receipt{}, e
		}
		return r, nil
	}}
}

// told is where inquiries and answers go.
type told struct {
	err error

	mu        sync.Mutex
	inquiries []bus.Inquiries
	recalls   []bus.Inquiries
	receipts  map[string][]bus.Receipt // by provider
}

func (m *told) PublishInquiries(_ context.Context, q bus.Inquiries, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inquiries = append(m.inquiries, q)
	return m.err
}

func (m *told) PublishRecalls(_ context.Context, q bus.Inquiries) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recalls = append(m.recalls, q)
	return m.err
}

func (m *told) PublishReceipts(_ context.Context, provider string, r bus.Receipts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		if m.receipts == nil {
			m.receipts = map[string][]bus.Receipt{}
		}
		m.receipts[provider] = append(m.receipts[provider], r.Receipts...)
	}
	return m.err
}

// asking makes a lane whose providers, named a, b, c and so on, can be asked.
func asking(j Journal, to Inquiries, change func([]Provider), senders ...*oracle) *Lane {
	return newTestLane(j, senders[0].provider, func(o *Options) {
		o.Inquiries, o.Providers = to, nil
		for i, s := range senders {
			p := Provider{Name: string(rune('a' + i)), Sender: s, Limits: channels.Limits{Concurrency: 4, Timeout: 10 * time.Second}}
			p.Spec.InquireAfter = time.Duration(i+1) * time.Second
			o.Providers = append(o.Providers, p)
		}
		if change != nil {
			change(o.Providers)
		}
	})
}

// about makes inquiries by id about notifications 1..n, at the provider given.
func about(n int, provider string) bus.Inquiries {
	q := bus.Inquiries{Channel: "sms", Until: time.Now().Add(time.Hour)}
	for i := range n {
		q.Inquiries = append(q.Inquiries, bus.Inquiry{Notification: int64(i + 1), Step: 1, Provider: provider, ProviderID: string(rune('a' + i))})
	}
	return q
}

func held(ctx context.Context, l *Lane, q bus.Inquiries) error {
	return l.inquest(q).work(ctx)
}

func TestAnswersTravelAsReceipts(t *testing.T) {
	to := &told{}
	first, second := says(channels.Receipt{State: channels.ReceiptRead, Code: "c", ProviderID: "x"}, nil), says(channels.Receipt{State: channels.ReceiptFailed, Code: "d"}, nil)
	l := asking(nil, to, nil, first, second)
	q := about(1, "a")
	q.Inquiries = append(q.Inquiries, about(2, "b").Inquiries[1], bus.Inquiry{Notification: 3, Provider: "gone", ProviderID: "z"})
	if err := held(t.Context(), l, q); err != nil {
		t.Fatal(err)
	}
	want := map[string][]bus.Receipt{
		"a": {{Notification: 1, Step: 1, ProviderID: "x", State: channels.ReceiptRead, Code: "c"}},
		"b": {{Notification: 2, Step: 1, State: channels.ReceiptFailed, Code: "d"}},
	}
	if d := cmp.Diff(want, to.receipts); d != "" {
		t.Errorf("receipts (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]channels.Inquiry{{Ref: first.signer.Ref(notification.ID{Notification: 1, Step: 1}), ProviderID: "a"}}, first.asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	for provider, answer := range map[string]string{"a": "read", "b": "failed", "gone": "not_askable"} {
		if n := testutil.ToFloat64(l.Metrics.inquiries.WithLabelValues("sms", provider, answer)); n != 1 {
			t.Errorf("%v answers %s of %s counted", n, answer, provider)
		}
	}
}

// TestAskingAllProviders: an attempt that any of them may have is absent only if all of them say so.
func TestAskingAllProviders(t *testing.T) {
	absent := channels.Receipt{State: channels.ReceiptAbsent}
	there := channels.Receipt{State: channels.ReceiptAccepted, ProviderID: "x"}
	for name, tt := range map[string]struct {
		first, second *oracle
		can           bool // the second can be asked
		want          map[string]channels.ReceiptState
		again         int
	}{
		"the first has it":           {says(there, nil), says(absent, nil), true, map[string]channels.ReceiptState{"a": channels.ReceiptAccepted}, 0},
		"the second has it":          {says(absent, nil), says(there, nil), true, map[string]channels.ReceiptState{"b": channels.ReceiptAccepted}, 0},
		"none has it":                {says(absent, nil), says(absent, nil), true, map[string]channels.ReceiptState{"a": channels.ReceiptAbsent}, 0},
		"the second can't be asked":  {says(absent, nil), says(there, nil), false, nil, 0},
		"the second will never tell": {says(absent, nil), says(there, &channels.Error{Class: channels.Rejected, Code: "ambiguous"}), true, nil, 0},
		"the second can't tell now":  {says(absent, nil), says(there, &channels.Error{Class: channels.Unknown, Code: "timeout"}), true, nil, 1},
	} {
		to := &told{}
		l := asking(nil, to, func(ps []Provider) {
			if !tt.can {
				ps[1].Spec.InquireAfter = 0
			}
		}, tt.first, tt.second)
		q := bus.Inquiries{Channel: "sms", Until: time.Now().Add(time.Hour), Inquiries: []bus.Inquiry{{Notification: 1, Address: "+1", Text: "t"}}}
		if err := held(t.Context(), l, q); err != nil {
			t.Fatal(err)
		}
		var got map[string]channels.ReceiptState
		for provider, rs := range to.receipts {
			got = map[string]channels.ReceiptState{provider: rs[0].State}
		}
		if d := cmp.Diff(tt.want, got); d != "" || len(to.inquiries) != tt.again {
			t.Errorf("%s: asked again %d times, learnt (-want +got):\n%s", name, len(to.inquiries), d)
		}
	}
}

// TestOneMessageIsOneAttempts: what is known to be another's message, or was found to be, is none's else.
func TestOneMessageIsOneAttempts(t *testing.T) {
	found := says(channels.Receipt{State: channels.ReceiptDelivered, ProviderID: "x"}, nil)
	l := asking(nil, &told{}, nil, found)
	q := about(1, "")
	for n := range 2 {
		q.Inquiries = append(q.Inquiries, bus.Inquiry{Notification: int64(n + 5), Provider: "a", Address: "+1", Text: "t", Others: []string{"o"}})
	}
	if err := held(t.Context(), l, q); err != nil {
		t.Fatal(err)
	}
	var others [][]string
	for _, q := range found.asked {
		others = append(others, q.Others)
	}
	if d := cmp.Diff([][]string{nil, {"o", "a"}, {"o", "a", "x"}}, others); d != "" {
		t.Errorf("others (-want +got):\n%s", d)
	}
}

// TestProviderThatCantTellIsAskedLater: with the first failure the rest waits, and the one that failed goes
// last, so that it holds up nobody else.
func TestProviderThatCantTellIsAskedLater(t *testing.T) {
	for _, tt := range []struct {
		err   *channels.Error
		until time.Duration
		after time.Duration // 0 is given up
	}{
		{&channels.Error{Class: channels.Unavailable, Code: "c"}, time.Hour, askAgain},
		{&channels.Error{Class: channels.Auth, Code: "c"}, time.Hour, askAgain},
		{&channels.Error{Class: channels.RateLimited, Code: "c", RetryAfter: 3 * time.Second}, 10 * time.Second, 3 * time.Second},
		{&channels.Error{Class: channels.Unavailable, Code: "c"}, 10 * time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			to := &told{}
			o := says(channels.Receipt{State: channels.ReceiptDelivered}, nil)
			o.say = func(n int64, _ channels.Inquiry) (channels.Receipt, error) {
				if n == 2 {
					return channels.Receipt{}, tt.err
				}
				return channels.Receipt{State: channels.ReceiptDelivered}, nil
			}
			l := asking(nil, to, nil, o)
			q := about(4, "a")
			q.Until = time.Now().Add(tt.until)
			if err := held(t.Context(), l, q); err != nil {
				t.Fatal(err)
			}
			if len(to.receipts["a"]) != 1 || o.times() != 2 {
				t.Errorf("%v: learnt %+v by asking %d times, want the first by two", tt.err, to.receipts, o.times())
			}
			if tt.after == 0 {
				if n := testutil.ToFloat64(l.Metrics.inquiries.WithLabelValues("sms", "a", "given_up")); n != 3 || len(to.inquiries) != 0 {
					t.Errorf("%v: %v given up, %+v put back", tt.err, n, to.inquiries)
				}
				return
			}
			want := q
			want.NotBefore, want.Inquiries = time.Now().UTC().Add(tt.after), []bus.Inquiry{q.Inquiries[2], q.Inquiries[3], q.Inquiries[1]}
			if d := cmp.Diff([]bus.Inquiries{want}, to.inquiries); d != "" {
				t.Errorf("%v: put back (-want +got):\n%s", tt.err, d)
			}
		})
	}
}

func TestTooLateToAsk(t *testing.T) {
	o := says(channels.Receipt{State: channels.ReceiptDelivered}, nil)
	l := asking(nil, &told{}, nil, o)
	q := about(3, "a")
	q.Until = time.Now().Add(-time.Second)
	if err := held(t.Context(), l, q); err != nil {
		t.Fatal(err)
	}
	if n := testutil.ToFloat64(l.Metrics.inquiries.WithLabelValues("sms", "a", "too_late")); n != 3 || o.times() != 0 {
		t.Errorf("%v too late, asked %d times", n, o.times())
	}
}

// TestAnswersThatCantBeStoredAreAskedForAgain: the message is not done with.
func TestAnswersThatCantBeStoredAreAskedForAgain(t *testing.T) {
	failing := &told{err: errors.New("nats out of order")}
	l := asking(nil, failing, nil, says(channels.Receipt{State: channels.ReceiptDelivered}, nil))
	if err := held(t.Context(), l, about(1, "a")); err == nil {
		t.Error("done with it")
	}
}

// TestAskingKeepsItsPace: as many a second as are sent, and it waits while the provider wants quiet or is
// left alone.
func TestAskingKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &told{}
		o := says(channels.Receipt{State: channels.ReceiptDelivered}, nil)
		l := asking(nil, to, func(ps []Provider) {
			ps[0].Limits = channels.Limits{PerSecond: 10, Concurrency: 4, Timeout: time.Second}
		}, o)
		begun := time.Now()
		if err := held(t.Context(), l, about(21, "a")); err != nil || len(to.receipts["a"]) != 21 {
			t.Fatalf("learnt %d, %v", len(to.receipts["a"]), err)
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("21 inquiries at 10 a second took %v, want 2s", took)
		}
		l.outlets[0].quiet(time.Minute)
		if err := held(t.Context(), l, about(1, "a")); err != nil || o.times() != 21 || len(to.inquiries) != 1 || time.Until(to.inquiries[0].NotBefore) != time.Minute {
			t.Errorf("asked %d times, put back %+v, %v; want it to wait for a minute", o.times(), to.inquiries, err)
		}
	})
}

// TestLaneAnswersInquiries is the whole way: questions from their stream, answers to theirs.
func TestLaneAnswersInquiries(t *testing.T) {
	b := bustest.Start(t)
	o := says(channels.Receipt{State: channels.ReceiptDelivered, ProviderID: "x"}, nil)
	l := asking(b, b, nil, o)
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
	soon := about(1, "a")
	soon.NotBefore = time.Now().Add(300 * time.Millisecond)
	for id, q := range map[string]bus.Inquiries{"soon": soon, "now": about(2, "a")} {
		if err := b.PublishInquiries(t.Context(), q, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.PublishMessage(t.Context(), bus.InquiriesSubject("sms"), nil, []byte("?")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 1} {
		if r := <-answers; r.Channel != "sms" || len(r.Receipts) != want || r.Receipts[0].State != channels.ReceiptDelivered {
			t.Errorf("answers %+v, want %d", r, want)
		}
	}
	if time.Now().Before(soon.NotBefore) {
		t.Error("asked too early")
	}
	// An answer is there before the lane knows that it is stored, and only then is the inquiry done with.
	empties(t, b, bus.InquiriesStream)
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// empties waits until a stream is empty.
func empties(t *testing.T, b *bus.Bus, stream string) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); left(t, b, stream) > 0; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d messages left on %s", left(t, b, stream), stream)
		}
	}
}

func left(t *testing.T, b *bus.Bus, stream string) uint64 {
	t.Helper()
	states, err := b.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(states, func(s bus.StreamState) bool { return s.Name == stream })
	return states[i].Messages
}
