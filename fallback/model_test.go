package fallback

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// TestEngineAgainstModel plays whole engines on a real ledger in a world of its own, which does
// everything in any order: news is planned, batches are handed over, lanes and providers do what they do
// and say it late, twice or never, time passes, operators give orders, engines die between their
// transaction and their word to the lanes. The model is that world: it knows what was sent, what arrived
// and what was said of it, and nothing of how the engine decides. After each step the ledger is held to
// what DESIGN.md promises; at the end the world heals, and everybody must be accounted for.
//
// The time is that of a bubble: it stands still but for the steps in which it passes.
func TestEngineAgainstModel(t *testing.T) {
	blank := blankLedger(t)
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			p := newPlay(t, blank)
			defer p.close()
			p.begin()
			t.Repeat(map[string]func(*rapid.T){
				"": p.check, "news": p.news, "news again": p.news, "plan": p.plan, "hand over": p.handOver, "lane": p.lane, "lane again": p.lane,
				"provider": p.report, "provider again": p.report, "answer": p.answer, "deliver": p.deliver, "deliver more": p.deliver,
				"deliver again": p.deliver, "pass": p.pass, "pass on": p.pass, "order": p.order, "directory": p.directory, "take back": p.takeBack, "restart": p.restart,
			})
			p.lastWord()
			heal(p)
		})
	})
}

// play is one run.
type play struct {
	*rapid.T
	ledger  *sqlite.Ledger
	dir     string // of the ledger's file
	policy  notification.Policy
	rules   *plan.Rules
	metrics *Metrics
	engines []*incarnation

	surroundings
	known
}

// incarnation is an engine from its start until its end.
type incarnation struct {
	*Engine
	*stage
}

// newPlay makes a world with a few recipients and one engine, or two that share the work.
func newPlay(t *rapid.T, blank string) *play {
	l, dir := openCopy(t, blank)
	p := &play{T: t, ledger: l, dir: dir, surroundings: newSurroundings(), known: newKnown(), metrics: NewMetrics(prometheus.NewRegistry())}
	p.policy = notification.Policy{
		RetryEvery: 30 * time.Second, MoveOnAfter: 10 * time.Minute,
		UsefulFor: rapid.SampledFrom([]time.Duration{0, 2 * time.Hour}).Draw(t, "useful for"),
		Channels: map[string]notification.ChannelPolicy{
			"viber": {
				Wait: 5 * time.Minute, Proof: rapid.SampledFrom([]channels.Proof{channels.Delivered, channels.Read}).Draw(t, "viber's proof"),
				ByID: true, Askable: true, Queue: 20 * time.Minute, RecallWithin: 24 * time.Hour, Providers: []string{"bots"},
			},
			"email":    {Wait: time.Hour, Proof: channels.Delivered, Silence: channels.SilenceIsPresumed, BounceWindow: 10 * time.Minute, Providers: []string{"relay"}},
			"telegram": {Wait: time.Hour, Proof: channels.Accepted, Silence: channels.SilenceIsPresumed, RecallWithin: 48 * time.Hour, Providers: []string{"bots"}},
			"sms":      {Wait: 10 * time.Minute, Proof: channels.Delivered, Askable: true, Providers: []string{"gate"}},
		},
	}
	p.rules = &plan.Rules{Locales: []string{"ro"}, Channels: []plan.Channel{
		{Name: "viber", Kind: channels.Messenger}, {Name: "telegram", Kind: channels.Messenger},
		{Name: "email", Kind: channels.Email}, {Name: "sms", Kind: channels.SMS},
	}}
	p.people(rapid.IntRange(1, 3).Draw(t, "recipients"))
	shared := rapid.Bool().Draw(t, "two engines")
	p.engines = []*incarnation{p.engine(shared)}
	if shared {
		p.engines = append(p.engines, p.engine(shared))
	}
	return p
}

func (p *play) engine(shared bool) *incarnation {
	s := &stage{Ledger: p.ledger, world: &p.surroundings, fuse: -1}
	return &incarnation{stage: s, Engine: &Engine{
		Ledger: s, Bus: s, Inquiries: &p.surroundings, Policy: p.policy, Rules: p.rules, Batches: wake{}, Planned: wake{},
		Metrics: p.metrics, Log: slog.New(slog.DiscardHandler), shared: shared, health: newHealth(p.policy),
	}}
}

func (p *play) close() { p.must(p.ledger.Close()) }

func (p *play) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("%+v", err)
	}
}

// errDied is what an engine meets that dies.
var errDied = errors.New("died")

// stage is the ledger and the bus as one engine has them: something may happen just before a transaction
// of its is committed, and it may die before that, or before it has told the lanes.
type stage struct {
	*sqlite.Ledger
	world     *surroundings
	fuse      int // so many moments are survived at which it could die; below 0, all are
	survives  bool
	committed bool
	telling   bool
	between   func()
}

func (s *stage) Apply(ctx context.Context, f ledger.Fold) error {
	if between := s.between; between != nil {
		s.between = nil
		between()
	}
	if s.dies() {
		return errDied
	}
	err := s.Ledger.Apply(ctx, f)
	s.committed, s.telling = s.committed || err == nil, false
	return err
}

// Revoke tells a lane. Whether one dies is asked once a transaction: which lane is told first is chance.
func (s *stage) Revoke(_ context.Context, _ string, batch int64, ns []int64) error {
	if !s.telling && s.dies() {
		return errDied
	}
	s.telling = true
	s.world.revoke(batch, ns)
	return nil
}

func (s *stage) Consume(context.Context, string, string, string, int, func(jetstream.Msg)) error {
	return errors.New("the model hands over what there is itself")
}

func (s *stage) Behind(context.Context, string, string) (time.Duration, error) { return 0, nil }

func (s *stage) dies() bool {
	s.fuse--
	return s.fuse == -1
}

// task is something that an engine does.
type task struct {
	do func(context.Context, *Engine) error
	// committed is called when some of it was committed, done when it is done.
	committed, done func()
}

// work has an engine do something. While it does, another one may do something else; and it may die, or
// ledger and bus fail it.
func (p *play) work(what task) {
	i := rapid.IntRange(0, len(p.engines)-1).Draw(p.T, "engine")
	e := p.engines[i]
	if rapid.Bool().Draw(p.T, "mishap") {
		e.fuse = rapid.IntRange(0, 1).Draw(p.T, "fuse")
		e.survives = rapid.Bool().Draw(p.T, "survives")
	}
	if len(p.engines) > 1 && rapid.IntRange(0, 2).Draw(p.T, "meeting") == 0 {
		other := p.engines[1-i]
		e.between = func() { p.finish(other, p.anyTask()) }
	}
	p.finish(e, what)
}

// finish has an engine do something, as often as it takes, unless it dies.
func (p *play) finish(e *incarnation, what task) {
	for range 50 {
		e.committed = false
		err := what.do(p.Context(), e.Engine)
		if e.committed {
			what.committed()
		}
		switch {
		case err == nil:
			e.fuse, e.between = -1, nil
			what.done()
			return
		case errors.Is(err, errDied) && !e.survives:
			p.dies(e)
			return
		case !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, errDied):
			p.Fatalf("%+v", err)
		}
	}
	p.Fatal("refused again and again")
}

// dies has an engine come back as another one that knows nothing. What was planned meanwhile comes first.
func (p *play) dies(e *incarnation) {
	*e = *p.engine(e.shared)
	p.finish(e, p.superseding())
}

func (p *play) restart(t *rapid.T) {
	p.dies(p.engines[rapid.IntRange(0, len(p.engines)-1).Draw(t, "engine")])
}
