package lane

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// mutely answers nothing from the third attempt on, and gives the first two their ids.
func mutely(o *oracle) *oracle {
	o.answer = func(_ context.Context, n int64) (channels.Ack, error) {
		switch n {
		case 1000:
			return channels.Ack{ID: "id0", Proof: channels.Accepted}, nil
		case 1001:
			return channels.Ack{ID: "id1", Proof: channels.Accepted}, nil
		}
		return channels.Ack{}, &channels.Error{Class: channels.Unknown, Code: "timeout"}
	}
	return o
}

// TestDoubtsAreAskedAbout: once the journal says that attempts are in doubt, their provider is to be asked
// about what was sent.
func TestDoubtsAreAskedAbout(t *testing.T) {
	to, b := &told{}, bustest.Start(t)
	l := asking(b, to, nil, mutely(says(channels.Receipt{}, nil)), says(channels.Receipt{}, nil))
	batch := testBatch(1, 3)
	batch.Step, batch.Try = 2, 1
	batch.Content.Text = notification.Segments{{Literal: "Dear "}, {Placeholder: "name"}}
	for i := range batch.Attempts {
		batch.Attempts[i].Values = map[string]string{"name": "Ana"}
	}
	batch.Attempts[1].Address = "+2" // the first and the third share a number
	begun := time.Now()
	if err := process(t.Context(), l, batch); err != nil {
		t.Fatal(err)
	}
	if len(to.inquiries) != 1 || len(to.inquiries[0].Inquiries) != 1 {
		t.Fatalf("inquiries %+v, want one", to.inquiries)
	}
	q := to.inquiries[0]
	got := q.Inquiries[0]
	if got.After.Before(begun.Truncate(0).Add(-time.Millisecond)) || got.Before.Before(got.After) || got.Before.After(time.Now()) {
		t.Errorf("sent between %v and %v", got.After, got.Before)
	}
	if q.Channel != "sms" || !q.NotBefore.Equal(got.Before.Add(time.Second)) || !q.Until.Equal(q.NotBefore.Add(askFor)) {
		t.Errorf("%+v, want it asked from a second after it", q)
	}
	got.After, got.Before = time.Time{}, time.Time{}
	want := bus.Inquiry{Notification: 1002, Step: 2, Try: 1, Provider: "a", Address: "+1", Text: "Dear Ana"}
	if len(got.Others) > 0 { // the first may have been answered later
		want.Others = []string{"id0"}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("inquiry (-want +got):\n%s", d)
	}
}

// TestDoubtsOfAnEarlierLane: what a killed lane may have sent can have gone out since the batch was queued,
// to any of the providers.
func TestDoubtsOfAnEarlierLane(t *testing.T) {
	to, b := &told{}, bustest.Start(t)
	batch := testBatch(1, 20)
	kill(t, b, newProvider(), batch, 1)
	l := asking(b, to, nil, says(channels.Receipt{}, nil), says(channels.Receipt{}, nil))
	var workers sync.WaitGroup
	for range l.limits.Concurrency {
		workers.Go(l.work)
	}
	queued := time.Now().Add(-time.Minute).UTC()
	err := l.process(t.Context(), batch, queued, func() {})
	close(l.jobs)
	workers.Wait()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, q := range to.inquiries {
		for _, one := range q.Inquiries {
			if n++; one.Provider != "" || !one.After.Equal(queued) || one.Address != "+1" {
				t.Errorf("inquiry %+v, want it about all providers since %v", one, queued)
			}
		}
	}
	if doubtful := count(resultsOf(t, b, batch), bus.ResultUnknown); n != doubtful || n == 0 {
		t.Errorf("asked about %d, %d are in doubt", n, doubtful)
	}
}

// TestNobodyToAsk: attempts in doubt are reported all the same where no provider can be asked, or the
// stream takes no more.
func TestNobodyToAsk(t *testing.T) {
	for name, tt := range map[string]struct {
		to      *told
		change  func([]Provider)
		handed  int
		unasked float64
	}{
		"the stream is full":             {&told{err: bus.ErrFull}, nil, 1, 1},
		"the provider can't be asked":    {&told{}, func(ps []Provider) { ps[0].Sender = ps[0].Sender.(*oracle).provider }, 0, 0},
		"its Spec says that it can't be": {&told{}, func(ps []Provider) { ps[0].Spec.InquireAfter = 0 }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := bustest.Start(t)
			l := asking(b, tt.to, tt.change, mutely(says(channels.Receipt{}, nil)))
			batch := testBatch(1, 3)
			if err := process(t.Context(), l, batch); err != nil {
				t.Fatal(err)
			}
			if n := count(resultsOf(t, b, batch), bus.ResultUnknown); n != 1 {
				t.Errorf("%d in doubt, want 1", n)
			}
			if n := testutil.ToFloat64(l.Metrics.unaskeds.WithLabelValues("sms")); n != tt.unasked || len(tt.to.inquiries) != tt.handed {
				t.Errorf("%v not asked, %d handed over; want %v and %d", n, len(tt.to.inquiries), tt.unasked, tt.handed)
			}
		})
	}
}
