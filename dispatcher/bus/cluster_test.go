package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// admin is a connection with which a test looks at streams, and changes them, behind Tocsin's back.
func admin(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestStreamsOfAClusterHaveThreeReplicas(t *testing.T) {
	c := bustest.StartCluster(t)
	c.Connect()
	c.Connect() // a second process finds everything as it must be
	js := admin(t, c.URL())
	for _, name := range append(bus.StreamNames(), "KV_lease") {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := s.CachedInfo().Config.Replicas; n != 3 {
			t.Errorf("%s has %d replicas, want 3", name, n)
		}
	}
	s, err := js.Stream(t.Context(), bus.ResultsStream)
	if err != nil {
		t.Fatal(err)
	}
	if s.CachedInfo().Config.AllowDirect {
		t.Error("journals may be read from a follower that lags")
	}
}

// laneOf is a lane as thin as can be: it claims each batch, reports it, and acknowledges it.
type laneOf struct {
	*testing.T
	bus  *bus.Bus
	name string
	done chan int64
}

// insist repeats what the cluster could not do just then.
func (l *laneOf) insist(f func() error) error {
	for {
		err := f()
		if !errors.Is(err, bus.ErrUnavailable) || l.Context().Err() != nil {
			return err
		}
	}
}

// append adds a record, and knows it again if only the answer was lost.
func (l *laneOf) append(r bus.Record, last uint64) (seq uint64, err error) {
	err = l.insist(func() error {
		seq, err = l.bus.Append(l.Context(), "sms", r, last)
		if !errors.Is(err, bus.ErrOvertaken) {
			return err
		}
		es, jerr := l.bus.Journal(l.Context(), "sms", r.Batch, last)
		if jerr != nil {
			return jerr
		}
		if len(es) == 0 {
			return bus.ErrUnavailable // not to be seen yet
		}
		if es[0].Lane == r.Lane {
			seq = es[0].Sequence
			return nil
		}
		return err
	})
	return seq, err
}

func (l *laneOf) handle(m jetstream.Msg) {
	var b bus.Batch
	if err := json.Unmarshal(m.Data(), &b); err != nil {
		l.Error(err)
		return
	}
	claim, err := l.append(bus.Record{Batch: b.ID, Lane: l.name, Through: 1}, 0)
	if err == nil {
		results := []bus.Result{{Notification: b.ID * 10, State: bus.ResultAccepted}}
		_, err = l.append(bus.Record{Batch: b.ID, Lane: l.name, Through: 1, Results: results}, claim)
	}
	switch {
	case err == nil:
		_ = m.Ack()
		l.done <- b.ID
	case errors.Is(err, bus.ErrOvertaken): // delivered again, to the other
		_ = m.Ack()
	case l.Context().Err() == nil:
		l.Error(err)
	}
}

// TestNodeDiesAndComesBack: batches are published, claimed and reported by two processes while the
// server that leads their journals dies and comes back. Nothing is lost, and nothing claimed twice.
func TestNodeDiesAndComesBack(t *testing.T) {
	c := bustest.StartCluster(t)
	publisher, first, second := c.Connect(), c.Connect(), c.Connect()
	const batches = 300
	done := make(chan int64, 2*batches)
	for i, b := range []*bus.Bus{first, second} {
		l := &laneOf{t, b, fmt.Sprint("lane-", i), done}
		consume(t, b, bus.SendStream, bus.LaneConsumer("sms", notification.Urgent), bus.SendSubject("sms", notification.Urgent), l.handle)
	}
	l := &laneOf{T: t}
	publish := func(from, to int64) {
		for id := from; id < to; id += 10 {
			var bs []bus.Batch
			for i := range int64(10) {
				bs = append(bs, batch(id+i))
			}
			if err := l.insist(func() error { return publisher.PublishBatches(t.Context(), bs) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(1, 101)
	leader := c.LeaderOf(bus.ResultsStream)
	c.Stop(leader)
	publish(101, 201)
	c.Start(leader)
	publish(201, 301)
	seen := map[int64]bool{}
	for len(seen) < batches {
		select {
		case id := <-done:
			seen[id] = true
		case <-t.Context().Done():
			t.Fatalf("%d batches of %d reported", len(seen), batches)
		}
	}
	for id := range seen { // claimed and reported by one of them, once
		es, err := journal(t.Context(), publisher, id)
		if err != nil || len(es) != 2 || len(es[1].Results) != 1 || es[0].Lane != es[1].Lane {
			t.Errorf("journal of batch %d: %+v, %v", id, es, err)
		}
	}
}

// journal reads a batch's journal, again while the cluster can't answer.
func journal(ctx context.Context, b *bus.Bus, id int64) ([]bus.Entry, error) {
	for {
		es, err := b.Journal(ctx, "sms", id, 0)
		if !errors.Is(err, bus.ErrUnavailable) {
			return es, err
		}
	}
}
