package sandbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newDesk(t *testing.T, c Conduct) *Desk {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := NewDesk(ctx, "p", c)
	t.Cleanup(func() { cancel(); d.Wait() })
	return d
}

func TestTheBookCounts(t *testing.T) {
	d := newDesk(t, Conduct{ByDigit: true})
	for _, m := range []struct{ address, text string }{
		{"a1", "one"}, {"a1", "two"}, {"a1", "one"}, {"a1", "one"}, // two repeats
		{"b1", "one"}, // another address: no repeat
		{"c8", "one"}, // lost
		{"d9", "one"}, // refused
		{"d9", "one"}, // refused again: no repeat
	} {
		d.Follow(m.address, d.Take(m.address, m.text), nil)
	}
	d.Recall("b1")
	want := map[string]Tally{
		"a1": {Accepted: 4, Delivered: 4, Repeats: 2},
		"b1": {Accepted: 1, Delivered: 1, Recalled: 1},
		"c8": {Accepted: 1},
		"d9": {Refused: 2},
	}
	got := map[string]Tally{}
	d.Each(func(address string, tally Tally) { got[address] = tally })
	for address := range want {
		if got[address] != want[address] {
			t.Errorf("%s: %+v, want %+v", address, got[address], want[address])
		}
	}
	if total, want := d.Total(), (Tally{Accepted: 6, Delivered: 5, Refused: 2, Repeats: 2, Recalled: 1}); total != want || len(got) != 4 {
		t.Errorf("%d addresses, total %+v; want 4, %+v", len(got), total, want)
	}
	d.book.clear()
	if d.Total() != (Tally{}) {
		t.Errorf("after clear the total is %+v", d.Total())
	}
}

// TestTheBookKeepsMessages whole, where it is asked to, but for those refused.
func TestTheBookKeepsMessages(t *testing.T) {
	d := newDesk(t, Conduct{ByDigit: true})
	d.Take("a1", "before it was asked to")
	d.KeepMessages()
	begun := time.Now()
	for _, address := range []string{"b1", "c8", "d9"} { // delivered, lost, refused
		d.Take(address, "text for "+address)
	}
	d.TakeReply("b1", "more", "4711")
	got := d.Messages()
	if len(got) != 3 {
		t.Fatalf("%d messages kept, want 3: %+v", len(got), got)
	}
	for i, want := range []Message{
		{Address: "b1", Text: "text for b1", Delivered: true}, {Address: "c8", Text: "text for c8"},
		{Address: "b1", Text: "more", Delivered: true, ReplyTo: "4711"},
	} {
		if got[i].At.Before(begun) || got[i].At.After(time.Now()) {
			t.Errorf("message %d was taken at %v, want since %v", i, got[i].At, begun)
		}
		if got[i].At = (time.Time{}); got[i] != want {
			t.Errorf("message %d is %+v, want %+v", i, got[i], want)
		}
	}
	d.book.clear()
	if left := d.Messages(); len(left) != 0 {
		t.Errorf("%d messages are left after clear", len(left))
	}
}

func TestTheBookIsSafe(t *testing.T) {
	d := newDesk(t, Conduct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				d.Follow("a", d.Take("a", "one"), nil)
				d.SetConduct(d.Conduct())
			}
		})
	}
	wg.Wait()
	if got, want := d.Total(), (Tally{Accepted: 800, Delivered: 800, Repeats: 799}); got != want {
		t.Errorf("total %+v, want %+v", got, want)
	}
}

func TestGate(t *testing.T) {
	for mode, want := range map[Mode]Mode{
		"": Working, Working: Working, Mute: Mute, Unavailable: Unavailable, RateLimited: RateLimited,
	} {
		if got := newDesk(t, Conduct{Mode: mode}).Gate(t.Context()); got != want {
			t.Errorf("Gate in mode %q = %q, want %q", mode, got, want)
		}
	}
}

func TestGateHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if got := newDesk(t, Conduct{Mode: Hanging}).Gate(ctx); got != Hanging {
			t.Errorf("Gate = %q, want hanging", got)
		}
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("Gate hung for %v, want until its context ended, an hour", waited)
		}
	})
}

func TestGateTakesTheLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		newDesk(t, Conduct{Latency: Duration(30 * time.Millisecond)}).Gate(t.Context())
		if took := time.Since(start); took != 30*time.Millisecond {
			t.Errorf("Gate took %v, want 30ms", took)
		}
	})
}

// TestFollow plays each fate on a clock of its own and notes what is reported when.
func TestFollow(t *testing.T) {
	c := Conduct{ByDigit: true, ReceiptAfter: Duration(10 * time.Second), LateBy: Duration(time.Minute)}
	for address, want := range map[string][]string{
		"a0": {"5s sent", "10s delivered"},
		"a5": {"10s delivered", "15.001s sent"},
		"a6": {"5s sent", "5s sent", "10s delivered", "10s delivered"},
		"a7": {"5s sent", "1m10s delivered"},
		"a8": {"5s sent"},
		"a9": nil,
	} {
		t.Run(address, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := NewDesk(t.Context(), "p", c)
				var mu sync.Mutex
				var got []string
				start := time.Now()
				d.Follow(address, d.Take(address, "x"), func(_ context.Context, state string) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, time.Since(start).String()+" "+state)
				})
				d.Wait()
				if !slices.Equal(got, want) {
					t.Errorf("reported %q, want %q", got, want)
				}
			})
		})
	}
}

// TestFollowEndsWithTheSandbox: what is due later is not waited for.
func TestFollowEndsWithTheSandbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := NewDesk(ctx, "p", Conduct{ReceiptAfter: Duration(time.Hour)})
		d.Follow("a", d.Take("a", "x"), func(context.Context, string) { t.Error("reported after the end") })
		cancel()
		start := time.Now()
		d.Wait()
		if waited := time.Since(start); waited != 0 {
			t.Errorf("Wait took %v after the end, want nothing", waited)
		}
	})
}

// callTo makes a call to a server that answers with the statuses given, one after the other.
func callTo(t *testing.T, tries int, statuses ...int) (status, calls int) {
	t.Helper()
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(statuses[min(int(n.Add(1)), len(statuses))-1])
	}))
	t.Cleanup(server.Close)
	status = newDesk(t, Conduct{}).Call(t.Context(), tries, func() (*http.Request, error) {
		return http.NewRequest(http.MethodPost, server.URL, nil)
	})
	return status, int(n.Load())
}

func TestCall(t *testing.T) {
	for name, tt := range map[string]struct {
		tries         int
		statuses      []int
		status, calls int
	}{
		"taken":             {3, []int{204}, 204, 1},
		"refused":           {3, []int{401}, 401, 1},
		"taken after a 503": {3, []int{503, 204}, 204, 2},
		"never taken":       {2, []int{503}, 503, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if status, calls := callTo(t, tt.tries, tt.statuses...); status != tt.status || calls != tt.calls {
				t.Errorf("status %d after %d calls, want %d after %d", status, calls, tt.status, tt.calls)
			}
		})
	}
}

func TestCallToNobody(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	made := 0
	status := newDesk(t, Conduct{}).Call(t.Context(), 2, func() (*http.Request, error) {
		made++
		return http.NewRequest(http.MethodPost, server.URL, nil)
	})
	if status != 0 || made != 2 {
		t.Errorf("status %d after %d tries, want 0 after 2", status, made)
	}
}
