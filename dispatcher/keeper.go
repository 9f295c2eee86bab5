package dispatcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// KeeperLedger is what the keeper needs of the ledger.
type KeeperLedger interface {
	Watched(ctx context.Context) ([]ledger.Watched, error)
	KeepClocks(ctx context.Context, incident int64, before, after []promise.State, out []ledger.Outgoing) error
	Outbox(ctx context.Context, limit int) ([]ledger.Outgoing, error)
	Published(ctx context.Context, ids []int64) error
}

// KeeperBus is what the keeper needs of NATS.
type KeeperBus interface {
	PublishMessage(ctx context.Context, subject string, header map[string][]string, body []byte) error
}

// Keeper keeps promises: it moves the incidents' clocks on (see package promise), and publishes what
// happens to them, and what Tocsin says by itself. Its fields are set once, before Run.
//
// What happens is decided once: a clock and the messages about it change in one transaction of the ledger.
// They are published from there, after a crash perhaps twice: with the same id and the same content, so
// that the stream, the intake and whoever listens know them again.
type Keeper struct {
	Ledger KeeperLedger
	Bus    KeeperBus
	Day    promise.Day
	// Look is how often incidents are looked at whatever their clocks say, in machine time, since something
	// may have been said; 0 is every second.
	Look    time.Duration
	Clock   clock.Clock
	Metrics *KeeperMetrics
	Log     *slog.Logger
}

const (
	defaultLook = time.Second
	// leastLook keeps a clock that runs fast from being looked at all the time.
	leastLook = 20 * time.Millisecond
	// outboxAtOnce is how many messages are read at once.
	outboxAtOnce = 100
)

// Run keeps promises until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		next, err := k.turn(ctx)
		if err = errors.Join(err, k.publish(ctx)); err != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, "promises not kept watch over, will try again", "error", err)
			k.Metrics.failed()
		}
		Signal(nil).wait(ctx, k.pause(next))
	}
	return nil
}

// pause is how long to wait until next, in machine time.
func (k *Keeper) pause(next time.Time) time.Duration {
	look := cmp.Or(k.Look, defaultLook)
	if next.IsZero() {
		return look
	}
	return min(look, max(leastLook, k.Clock.Machine(next.Sub(k.Clock.Now()))))
}

// turn moves all clocks on, and returns when something is to happen next. An incident whose clocks can't be
// moved doesn't keep the others'.
func (k *Keeper) turn(ctx context.Context) (next time.Time, err error) {
	all, err := k.Ledger.Watched(ctx)
	if err != nil {
		return next, err
	}
	for i := range all {
		at, moveErr := k.move(ctx, &all[i])
		if err = errors.Join(err, moveErr); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, err
}

// move moves one incident's clocks on. Where somebody else has moved them since they were read, that is
// for the next turn to see.
func (k *Keeper) move(ctx context.Context, w *ledger.Watched) (next time.Time, err error) {
	now, c := k.Clock.Now(), w.Case(k.Day)
	t := promise.Step(&c, w.Clocks, now)
	out, err := outgoing(&t)
	if err == nil && !same(w.Clocks, t.States) {
		err = k.Ledger.KeepClocks(ctx, w.Row, w.Clocks, t.States, out)
	}
	if errors.Is(err, ledger.ErrConflict) {
		return next, nil
	}
	if err != nil {
		return next, fmt.Errorf("%s/%s: %w", w.Incident.Team, w.Incident.ID, err)
	}
	for i := range t.News {
		k.tell(ctx, &t.News[i])
	}
	return promise.Next(&c, t.States, now), nil
}

// same reports whether nothing has happened.
func same(before, after []promise.State) bool {
	if len(before) != len(after) {
		return false
	}
	for i := range before {
		b, a := &before[i], &after[i]
		if b.Name != a.Name || !b.Due.Equal(a.Due) || !b.Remind.Equal(a.Remind) || !b.RemindedAt.Equal(a.RemindedAt) ||
			!b.OverdueAt.Equal(a.OverdueAt) || !b.SaidAt.Equal(a.SaidAt) || !b.StoppedAt.Equal(a.StoppedAt) {
			return false
		}
	}
	return true
}

// outgoing are the messages of a turn.
func outgoing(t *promise.Turn) ([]ledger.Outgoing, error) {
	var out []ledger.Outgoing
	for i := range t.Say {
		u := &t.Say[i]
		body, err := incident.Encode(*u)
		if err != nil {
			return nil, fmt.Errorf("what Tocsin says by itself: %w", err)
		}
		out = append(out, ledger.Outgoing{Subject: bus.IncidentSubject(u.Team), Message: u.Team + "/" + u.EventID, Body: body, Until: usefulUntil(u)})
	}
	for i := range t.News {
		n := &t.News[i]
		body, err := n.Encode()
		if err != nil {
			return nil, err
		}
		out = append(out, ledger.Outgoing{Subject: bus.OutcomesSubject(n.Team, n.Incident), Message: n.ID(), Body: body})
	}
	return out, nil
}

// usefulUntil is when it would be wrong to say what Tocsin says by itself.
func usefulUntil(u *incident.Update) time.Time {
	if u.Automatic == incident.Holding {
		return *u.NextUpdateAt
	}
	return u.StartedAt
}

// levels say how loud each thing is told in the log.
func level(n *promise.News) slog.Level {
	if n.What == promise.WasStopped || n.What == promise.WasSaid {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// said is what the log says of each thing that happens to a clock.
var said = map[promise.What]string{
	promise.WasReminded: "a promise falls due soon",
	promise.WasOverdue:  "a promise is overdue: customers wait",
	promise.WasSaid:     "Tocsin speaks by itself in place of a promise",
	promise.WasStopped:  "a promise is kept, or was moved",
}

func (k *Keeper) tell(ctx context.Context, n *promise.News) {
	k.Metrics.happened(n)
	k.Log.Log(ctx, level(n), said[n.What], "team", n.Team, "incident", n.Incident, "clock", n.Clock, "due", n.Due, "late", ledger.Seconds(n.Late).Duration().Round(time.Second))
}

// publish hands over what waits in the outbox.
func (k *Keeper) publish(ctx context.Context) error {
	for {
		waiting, err := k.Ledger.Outbox(ctx, outboxAtOnce)
		if err != nil || len(waiting) == 0 {
			return err
		}
		done, err := k.handOver(ctx, waiting)
		if len(done) > 0 {
			err = errors.Join(err, k.Ledger.Published(ctx, done))
		}
		if err != nil {
			return err
		}
	}
}

// handOver publishes messages, and returns which are done with. Where one stream takes none, those of the other
// go all the same: nobody is kept from hearing something because nobody could be told that it was said.
func (k *Keeper) handOver(ctx context.Context, waiting []ledger.Outgoing) (done []int64, err error) {
	refused := map[string]bool{}
	for i := range waiting {
		m := &waiting[i]
		stream, _, _ := strings.Cut(m.Subject, ".")
		switch {
		case refused[stream]:
			continue
		case !m.Until.IsZero() && k.Clock.Now().After(m.Until):
			k.Metrics.tooLate()
			k.Log.WarnContext(ctx, "an update of Tocsin's own is not published: it came too late", "subject", m.Subject, "id", m.Message)
		default:
			if e := k.Bus.PublishMessage(ctx, m.Subject, eventHeader(m), m.Body); e != nil {
				refused[stream], err = true, errors.Join(err, e)
				continue
			}
		}
		done = append(done, m.ID)
	}
	return done, err
}

// eventHeader lets the stream know a message again.
func eventHeader(m *ledger.Outgoing) map[string][]string {
	return map[string][]string{"Content-Type": {incident.ContentType}, "Nats-Msg-Id": {m.Message}}
}
