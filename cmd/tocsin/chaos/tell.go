package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// storyEvery is how often an incident begins, on average.
const storyEvery = 9 * time.Second

// insistFor is how long a team goes on publishing an update that isn't taken, once the faults are over.
const insistFor = 2 * time.Minute

// tell plays the drill's stories, and says how that ended when all have been told.
func (s *stage) tell(ctx context.Context) <-chan error {
	all := stories(s.Seed, s.Duration, storyEvery, s.channelNames())
	begun := time.Now()
	done := make(chan error, 1)
	errs := make([]error, len(all))
	go func() {
		var each sync.WaitGroup
		for i, st := range all {
			each.Go(func() { errs[i] = s.play(ctx, begun, st, uint64(i)) })
		}
		each.Wait()
		done <- errors.Join(errs...)
	}()
	return done
}

func (s *stage) channelNames() []string {
	var all []string
	for _, a := range s.Adapters {
		all = append(all, a.Spec.Channel)
	}
	slices.Sort(all)
	return all
}

// play plays one story. Once the time of the faults is over it makes haste.
func (s *stage) play(ctx context.Context, begun time.Time, st story, n uint64) error {
	rng := rand.New(rand.NewPCG(s.Seed, 3+n))
	over := begun.Add(s.Duration)
	wait := func(d time.Duration) error {
		select {
		case <-time.After(min(d, max(time.Until(over), d/10))):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := wait(st.At); err != nil {
		return err
	}
	for _, step := range st.Steps {
		if err := wait(step.After); err != nil {
			return err
		}
		var err error
		if step.Update != nil {
			err = s.publish(ctx, *step.Update, over, rng, false)
		} else {
			err = s.command(ctx, *step.Order, over)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// publish publishes an update, by turns through the API and NATS, until it is taken.
func (s *stage) publish(ctx context.Context, u incident.Update, over time.Time, rng *rand.Rand, calm bool) error {
	u.Time = time.Now().UTC()
	u.StartedAt = u.Time.Add(-time.Minute)
	u.Sequence = u.EventID[1 : len(u.EventID)-1]
	if u.Status == incident.Resolved {
		u.ResolvedAt = &u.Time
	}
	body, err := incident.Encode(u)
	if err != nil {
		return fmt.Errorf("update %s: %w", u.EventID, err)
	}
	err = insist(ctx, over, func(ctx context.Context) error {
		if rng.IntN(2) == 0 {
			return s.api.Publish(ctx, body)
		}
		m := nats.NewMsg(bus.IncidentSubject(u.Team))
		m.Header.Set("Content-Type", incident.ContentType)
		m.Data = body
		_, err := s.teams[u.Team].PublishMsg(ctx, m)
		return err
	})
	if err != nil {
		return fmt.Errorf("update %s of %s/%s was not taken: %w", u.EventID, u.Team, u.Incident, err)
	}
	s.journal.publish(u, calm)
	return nil
}

// insist calls f until it succeeds, until some time after the faults are over.
func insist(ctx context.Context, over time.Time, f func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, maxTime(over, time.Now()).Add(insistFor))
	defer cancel()
	for {
		err := brief(ctx, f)
		if e, ok := errors.AsType[*httpapi.Error](err); err == nil || ok && e.Status < 500 && e.Status != 401 {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// command gives an operator's order until it is taken. That it makes no sense by then, because its
// update has ended, say, is an answer too.
func (s *stage) command(ctx context.Context, o order, over time.Time) error {
	full := ledger.Order{
		ID: fmt.Sprintf("drill-%s-%s-%d", o.Key.Incident, o.Verb, time.Now().UnixNano()), Verb: o.Verb, Channel: o.Channel,
		Team: o.Key.Team, Incident: o.Key.Incident, By: "the drill", Why: "to see what happens",
	}
	if o.Newest || o.First {
		err := insist(ctx, over, func(ctx context.Context) error {
			one, err := s.api.Incident(ctx, o.Key.Team, o.Key.Incident)
			if err == nil && len(one.Progress) > 0 {
				which := 0
				if o.Newest {
					which = len(one.Progress) - 1
				}
				full.Update = one.Progress[which].ID
			}
			return err
		})
		if errors.Is(err, ledger.ErrNotFound) || err == nil && full.Update == 0 {
			return nil // it has not been taken in yet: there is nothing to be ordered
		}
		if err != nil {
			return fmt.Errorf("order %s: %w", full.ID, err)
		}
		full.Team, full.Incident = "", ""
	}
	s.journal.order(full)
	err := insist(ctx, over, func(ctx context.Context) error {
		_, err := s.api.Order(ctx, full)
		return err
	})
	if errors.Is(err, ledger.ErrConflict) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("order %s: %w", full.ID, err)
	}
	return nil
}

// calm has one incident told before anything goes wrong: nothing may be repeated then. The providers are
// at their best.
func (s *stage) calm(ctx context.Context) error {
	if err := s.conduct(ctx, sandbox.Conduct{Latency: usual().Latency, ReceiptAfter: usual().ReceiptAfter}); err != nil {
		return err
	}
	t := teller{rng: rand.New(rand.NewPCG(s.Seed, 4)), channels: s.channelNames(), events: calmEvents}
	d := t.incident()
	d.Incident, d.Impact = "calm", incident.Critical
	over := time.Now()
	var last string
	for _, st := range []incident.Status{incident.Investigating, incident.Resolved} {
		d.Status = st
		u := t.update(d)
		if err := s.publish(ctx, *u, over, t.rng, true); err != nil {
			return err
		}
		last = u.EventID
	}
	begun := time.Now()
	err := await(ctx, quietTimeout, func(ctx context.Context) error { return s.closed(ctx, d.Team, d.Incident, last) })
	if err != nil {
		return fmt.Errorf("before any fault: %w", err)
	}
	s.say("calm: two updates told in %.1fs", time.Since(begun).Seconds())
	return s.conduct(ctx, usual())
}

// calmEvents numbers the calm incident's events, above all others.
const calmEvents = 90000

// closed returns nil when an update, and all before it, are closed.
func (s *stage) closed(ctx context.Context, team, id, event string) error {
	one, err := s.api.Incident(ctx, team, id)
	if err != nil {
		return err
	}
	if len(one.Progress) == 0 || one.Progress[len(one.Progress)-1].EventID != event {
		return fmt.Errorf("update %s of %s/%s has not been taken in", event, team, id)
	}
	for i := range one.Progress {
		if p := &one.Progress[i]; p.State != ledger.Closed {
			return fmt.Errorf("update %d of %s/%s is %s with %d open", p.ID, team, id, p.State, p.Open)
		}
	}
	return nil
}
