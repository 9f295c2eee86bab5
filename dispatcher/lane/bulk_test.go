package lane

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// broadcaster is a provider that takes messages in bulk, for addresses that are notifications' numbers.
type broadcaster struct {
	*provider
	// all decides on a call, one on a recipient; nil takes everything.
	all   func(call int, to []string) *channels.Error
	one   func(to string) *channels.Error
	calls [][]string
}

func (p *broadcaster) BulkLimit() int { return 300 }

func (p *broadcaster) SendBulk(_ context.Context, m channels.Message, to []string) ([]channels.BulkResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, to)
	if m.Ref != "" || m.Address != "" || m.Unsubscribe != "" || m.Callback != "" {
		return nil, &channels.Error{Class: channels.Rejected, Code: "personal"}
	}
	var e *channels.Error
	if p.all != nil {
		e = p.all(len(p.calls), to)
	}
	if e != nil && e.Class != channels.Unknown {
		return nil, e
	}
	results := make([]channels.BulkResult, len(to))
	for i, address := range to {
		n, _ := strconv.ParseInt(address, 10, 64)
		if p.one != nil {
			results[i].Err = p.one(address)
		}
		if results[i].Err == nil {
			p.sent[n]++
			results[i].Ack = channels.Ack{ID: "p" + address, Proof: channels.Accepted}
		}
	}
	if e != nil {
		return nil, e
	}
	return results, nil
}

// bulkBatch has n attempts for as many addresses.
func bulkBatch(n int) *bus.Batch {
	b := testBatch(1, n)
	for i := range b.Attempts {
		b.Attempts[i].Address = strconv.FormatInt(b.Attempts[i].Notification, 10)
	}
	return b
}

func newBulkLane(j Journal, p *broadcaster, change func(*Options)) *Lane {
	return newTestLane(j, p.provider, func(o *Options) {
		o.Providers[0].Sender = p
		o.UnsubscribeBase = "https://t.example/u"
		if change != nil {
			change(o)
		}
	})
}

// largest is how many recipients the largest call had.
func (p *broadcaster) largest() int {
	most := 0
	for _, to := range p.calls {
		most = max(most, len(to))
	}
	return most
}

func TestInBulk(t *testing.T) {
	b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
	batch := bulkBatch(60)
	if err := process(t.Context(), newBulkLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	if total, most := p.most(); total != 60 || most != 1 || p.largest() != testWindow/2 || len(p.calls) > 30 {
		t.Errorf("%d sent, one of them %d times, in %d calls of at most %d", total, most, len(p.calls), p.largest())
	}
	for i, r := range resultsOf(t, b, batch) {
		if want := "p" + batch.Attempts[i].Address; r.State != bus.ResultAccepted || r.ProviderID != want {
			t.Errorf("attempt %d: %+v, want accepted as %s", i, r, want)
		}
	}
}

// TestBulkResultsAreEachOnesOwn: a call that was taken says of each recipient what became of it.
func TestBulkResultsAreEachOnesOwn(t *testing.T) {
	b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
	errs := map[string]*channels.Error{
		"1001": {Class: channels.InvalidAddress, Code: "6"}, "1002": {Class: channels.RateLimited, Code: "12"}, "1003": {Class: channels.Unknown, Code: "0"},
	}
	p.one = func(to string) *channels.Error { return errs[to] }
	batch := bulkBatch(8)
	if err := process(t.Context(), newBulkLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	results := resultsOf(t, b, batch)
	for i, want := range map[int]bus.ResultState{0: bus.ResultAccepted, 1: bus.ResultFailed, 2: bus.ResultReturned, 3: bus.ResultUnknown, 4: bus.ResultAccepted} {
		if results[i].State != want {
			t.Errorf("attempt %d: %+v, want %v", i, results[i], want)
		}
	}
}

// TestBulkIsHeeded: each recipient's answer counts, and tells of the provider what one to a single message would.
func TestBulkIsHeeded(t *testing.T) {
	p := &broadcaster{provider: newProvider()}
	lane, batch := newBulkLane(nil, p, nil), bulkBatch(3)
	o := lane.outlets[0]
	call := func(n int) {
		results := make(chan bus.Result, n)
		lane.inBulk(job{ctx: t.Context(), batch: batch, n: n, result: results})
		if len(results) != n {
			t.Errorf("%d results for %d", len(results), n)
		}
	}
	p.one = func(to string) *channels.Error {
		if to == "1001" {
			return &channels.Error{Class: channels.RateLimited, RetryAfter: time.Minute}
		}
		return nil
	}
	call(3)
	if quiet := o.quietFor(time.Now()); quiet < 50*time.Second {
		t.Errorf("one was too fast: quiet for %v, want a minute", quiet)
	}
	o.pause = time.Time{}
	p.one = func(string) *channels.Error { return &channels.Error{Class: channels.Auth, Code: "24"} }
	for range tripAfter {
		call(2)
	}
	if o.downSince().IsZero() || o.bulks() {
		t.Error("a provider that takes nothing of any call is not left alone")
	}
	if d := cmp.Diff(map[string]float64{"none": 2, "rate_limited": 1, "auth": 2 * tripAfter}, map[string]float64{
		"none": testutil.ToFloat64(o.gauges.taken), "rate_limited": testutil.ToFloat64(o.gauges.sends.WithLabelValues("rate_limited")), "auth": testutil.ToFloat64(o.gauges.sends.WithLabelValues("auth")),
	}); d != "" {
		t.Errorf("messages counted (-want +got):\n%s", d)
	}
}

// TestABulkDoesNotProbe: one that waited for its turn while the provider went down is put back, to be probed singly.
func TestABulkDoesNotProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &broadcaster{provider: newProvider()}
		lane, batch := newBulkLane(nil, p, nil), bulkBatch(4)
		o := lane.outlets[0]
		o.quiet(shortPause) // so the call has to wait
		results := make(chan bus.Result, 4)
		go lane.inBulk(job{ctx: t.Context(), batch: batch, n: 4, result: results})
		synctest.Wait()
		o.hushed.set(time.Now(), time.Now())
		for range 4 {
			if r := <-results; r.Code != codeNotBegun {
				t.Errorf("%+v, want it put back", r)
			}
		}
		if len(p.calls) != 0 {
			t.Errorf("the provider was called for %v", p.calls)
		}
	})
}

// TestBulkCallsThatFail: what is said of a call is said of everybody in it, and of nobody else.
func TestBulkCallsThatFail(t *testing.T) {
	for class, want := range map[channels.Class]bus.ResultState{
		channels.Unknown: bus.ResultUnknown, channels.RateLimited: bus.ResultReturned, channels.Unavailable: bus.ResultReturned, channels.Auth: bus.ResultReturned,
	} {
		b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
		var failed []string
		p.all = func(call int, to []string) *channels.Error {
			if call != 2 {
				return nil
			}
			failed = to
			return &channels.Error{Class: class, Code: "x"}
		}
		batch := bulkBatch(40)
		if err := process(t.Context(), newBulkLane(b, p, nil), batch); err != nil {
			t.Fatal(err)
		}
		for i, r := range resultsOf(t, b, batch) {
			if in := slices.Contains(failed, batch.Attempts[i].Address); in && r.State != want || !in && r.State == bus.ResultUnknown {
				t.Errorf("%v: attempt %d, in the call %v, is %v", class, i, in, r.State)
			}
		}
		if _, most := p.most(); most != 1 || len(failed) < 2 {
			t.Errorf("%v: one sent %d times, %d in the call", class, most, len(failed))
		}
	}
}

// TestWhatCanNotGoInBulkGoesSingly: a provider that refuses a bulk gets everything singly, and is not asked again.
func TestWhatCanNotGoInBulkGoesSingly(t *testing.T) {
	b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
	p.all = func(int, []string) *channels.Error {
		return &channels.Error{Class: channels.Rejected, Code: "19 cannotSendBroadcast"}
	}
	batch := bulkBatch(60)
	if err := process(t.Context(), newBulkLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	if total, most := p.most(); total != 60 || most != 1 || len(p.calls) > 2 { // two can be under way when the first is refused
		t.Errorf("%d sent, one of them %d times, after %d calls", total, most, len(p.calls))
	}
	if n := count(resultsOf(t, b, batch), bus.ResultAccepted); n != 60 {
		t.Errorf("%d accepted, want 60", n)
	}
}

// TestWhoIsNotInABulk: whose text is their own, who is there twice, and who isn't to be told any more.
func TestWhoIsNotInABulk(t *testing.T) {
	b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
	batch := bulkBatch(40)
	batch.Attempts[5].Values = map[string]string{"name": "Ana"}
	batch.Attempts[9].Address = batch.Attempts[8].Address
	if err := b.Revoke(t.Context(), "sms", 1, []int64{1014}); err != nil {
		t.Fatal(err)
	}
	if err := process(t.Context(), newBulkLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	resultsOf(t, b, batch)
	for _, to := range p.calls {
		if slices.Contains(to, "1005") || slices.Contains(to, "1014") || len(slices.Compact(slices.Sorted(slices.Values(to)))) != len(to) {
			t.Errorf("a call for %v", to)
		}
	}
	if p.sent[1005] != 1 || p.sent[1014] != 0 || p.sent[1008]+p.sent[1009] != 2 {
		t.Errorf("sent: the personal one %d times, the revoked one %d, the two at one address %d", p.sent[1005], p.sent[1014], p.sent[1008]+p.sent[1009])
	}
}

// TestSeveralProvidersGetNothingInBulk, nor does one that is left alone.
func TestSeveralProvidersGetNothingInBulk(t *testing.T) {
	b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
	lane := newBulkLane(b, p, func(o *Options) {
		second := o.Providers[0]
		second.Name = "other"
		o.Providers = append(o.Providers, second)
	})
	if err := process(t.Context(), lane, bulkBatch(20)); err != nil {
		t.Fatal(err)
	}
	if total, _ := p.most(); len(p.calls) != 0 || total != 20 {
		t.Errorf("%d calls, %d sent", len(p.calls), total)
	}
}

// TestKilledInBulk: whenever a lane dies, at most a window is in doubt, none is sent twice unless the policy
// says so, and every attempt ends with one result.
func TestKilledInBulk(t *testing.T) {
	for _, inDoubt := range []notification.InDoubt{notification.LeaveUnknown, notification.Repeat} {
		for dies := range 6 {
			b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
			batch := bulkBatch(40)
			batch.InDoubt = inDoubt
			var killed atomic.Bool
			tap := &tapped{Bus: b, before: func(i int, _ *bus.Record) error {
				if i > dies {
					killed.Store(true)
					return errKilled
				}
				return nil
			}}
			// One that needed few records, since answers came together, was done before.
			if err := process(t.Context(), newBulkLane(tap, p, nil), batch); errors.Is(err, errKilled) != killed.Load() || !killed.Load() && err != nil {
				t.Fatalf("killed lane: %v", err)
			}
			if err := process(t.Context(), newBulkLane(b, p, nil), batch); err != nil {
				t.Fatal(err)
			}
			results := resultsOf(t, b, batch)
			total, most := p.most()
			unknown := count(results, bus.ResultUnknown)
			if inDoubt == notification.LeaveUnknown && (most != 1 || unknown > testWindow) || unknown+count(results, bus.ResultAccepted) != 40 {
				t.Errorf("killed after %d records: %d unknown, one sent %d times", dies, unknown, most)
			}
			if inDoubt == notification.Repeat && (unknown > 0 || total > 40+testWindow) {
				t.Errorf("killed after %d records: %d unknown, %d sent", dies, unknown, total)
			}
		}
	}
}

// TestNobodyWaitsForABulk: the answers of a call that comes back after its run has ended keep no worker.
func TestNobodyWaitsForABulk(t *testing.T) {
	p := &broadcaster{provider: newProvider()}
	lane, batch := newBulkLane(nil, p, nil), bulkBatch(30)
	results := make(chan bus.Result, lane.answers(len(batch.Attempts)))
	for i := 0; i < len(batch.Attempts); i += 10 {
		lane.inBulk(job{ctx: t.Context(), batch: batch, index: i, n: 10, result: results})
	}
	if len(results) != 30 || len(p.calls) != 3 {
		t.Errorf("%d results of %d calls", len(results), len(p.calls))
	}
	if single := newTestLane(nil, p.provider, nil); single.answers(30) != single.limits.Concurrency {
		t.Errorf("a lane without bulk keeps room for %d results", single.answers(30))
	}
}

// TestStoppedInBulk: a lane that stops in order leaves nothing in doubt.
func TestStoppedInBulk(t *testing.T) {
	b, p := bustest.Start(t), &broadcaster{provider: newProvider()}
	ctx, cancel := context.WithCancel(t.Context())
	p.all = func(call int, _ []string) *channels.Error {
		if call == 3 {
			cancel()
		}
		return nil
	}
	batch := bulkBatch(60)
	if err := process(ctx, newBulkLane(b, p, nil), batch); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped lane: %v", err)
	}
	if err := process(t.Context(), newBulkLane(b, p, nil), batch); err != nil {
		t.Fatal(err)
	}
	results := resultsOf(t, b, batch)
	if total, most := p.most(); total+count(results, bus.ResultReturned) != 60 || most != 1 || count(results, bus.ResultUnknown) > 0 {
		t.Errorf("%d sent, one of them %d times, %d unknown", total, most, count(results, bus.ResultUnknown))
	}
}
