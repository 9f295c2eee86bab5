package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// undo puts a fault right.
type undo func(ctx context.Context) error

// rage has the faults of the schedule happen, and returns when all are over.
func (s *stage) rage(ctx context.Context) {
	faults := schedule(s.Seed, s.Duration, s.menu())
	begun := time.Now()
	var all sync.WaitGroup
	defer all.Wait()
	for _, f := range faults {
		select {
		case <-time.After(time.Until(begun.Add(f.At))):
		case <-ctx.Done():
			return
		}
		if _, taken := s.busy.LoadOrStore(f.Target, true); taken {
			s.say("%v: left out, since the fault before is not over", f)
			s.journal.drop()
			continue
		}
		all.Go(func() {
			defer s.busy.Delete(f.Target)
			s.inflict(ctx, f)
		})
	}
	select {
	case <-time.After(time.Until(begun.Add(s.Duration))):
	case <-ctx.Done():
	}
}

// inflict has one fault happen and puts it right.
func (s *stage) inflict(ctx context.Context, f Fault) {
	s.say("%v", f)
	from := time.Now()
	put, err := s.harm(ctx, f)
	if err != nil {
		s.say("%v: it could not be done: %v", f, err)
		s.journal.drop()
	}
	select {
	case <-time.After(f.For):
	case <-ctx.Done():
	}
	if put == nil {
		return
	}
	if rerr := put(context.WithoutCancel(ctx)); rerr != nil {
		s.say("%v: it could not be put right: %v", f, rerr)
	}
	if err == nil {
		s.journal.fault(inflicted{f, from, time.Now()})
	}
}

// harm does what a fault says, and returns what puts it right.
func (s *stage) harm(ctx context.Context, f Fault) (undo, error) {
	switch f.Kind {
	case Kill, Term, Freeze:
		return s.harmRole(f)
	case CutNATS, StallNATS, CutLedger, StallDB, CutHTTP:
		return s.harmGates(f)
	case KillNode, TermNode, KillNodes:
		return s.harmNodes(f)
	case KillLedger:
		return s.startDatabaseAgain, s.database.Kill()
	case StopLedger:
		return s.startDatabaseAgain, s.database.Stop()
	case FullStream:
		return s.fillStream(ctx, f.Target)
	case FullLedger:
		return s.fillLedger()
	case Refill:
		return s.flood(ctx)
	case Conduct:
		return func(ctx context.Context) error { return s.setConduct(ctx, f.Target, usual()) }, s.setConduct(ctx, f.Target, badly(f.How))
	}
	return nil, fmt.Errorf("no fault %q", f.Kind)
}

func (s *stage) startDatabaseAgain(ctx context.Context) error { return s.database.Start(ctx) }

func (s *stage) harmRole(f Fault) (undo, error) {
	r := s.find(f.Target)
	switch f.Kind {
	case Freeze:
		r.signal(syscall.SIGSTOP)
		return func(context.Context) error { r.signal(syscall.SIGCONT); return nil }, nil
	case Term:
		s.stop(r)
	default:
		r.kill()
	}
	return func(context.Context) error { return r.up() }, nil
}

// stop stops a role's process in order; if it does not stop, that is a fault of its own.
func (s *stage) stop(r *role) {
	if r.term() {
		return
	}
	now := time.Now()
	s.say("%s did not stop within %v of SIGTERM and was killed", r.name, drainTimeout)
	s.journal.fault(inflicted{Fault{Kind: Overdue, Target: r.name}, now, now})
}

func (s *stage) harmGates(f Fault) (undo, error) {
	gates := []*gate{s.public}
	if r := s.find(f.Target); r != nil {
		gates = r.nats
		if f.Kind == CutLedger || f.Kind == StallDB {
			gates = []*gate{r.ledger}
		}
	}
	for _, g := range gates {
		if f.Kind == StallNATS || f.Kind == StallDB {
			g.stall()
		} else {
			g.cut(true)
		}
	}
	return func(context.Context) error {
		for _, g := range gates {
			g.heal()
		}
		return nil
	}, nil
}

func (s *stage) harmNodes(f Fault) (undo, error) {
	var nodes []*process
	for name := range strings.SplitSeq(f.Target, "+") {
		nodes = append(nodes, s.node(name))
	}
	for _, n := range nodes {
		if f.Kind == TermNode {
			n.term()
		} else {
			n.kill()
		}
	}
	return func(context.Context) error {
		var errs []error
		for _, n := range nodes {
			errs = append(errs, n.up())
		}
		return errors.Join(errs...)
	}, nil
}

// fillStream leaves a stream no room to grow.
func (s *stage) fillStream(ctx context.Context, name string) (undo, error) {
	var was int64
	size := func(ctx context.Context, change func(*jetstream.StreamInfo) int64) error {
		return brief(ctx, func(ctx context.Context) error {
			stream, err := s.admin.Stream(ctx, name)
			if err != nil {
				return err
			}
			info := stream.CachedInfo()
			cfg := info.Config
			cfg.MaxBytes = change(info)
			_, err = s.admin.UpdateStream(ctx, cfg)
			return err
		})
	}
	err := size(ctx, func(info *jetstream.StreamInfo) int64 {
		was = info.Config.MaxBytes
		return int64(info.State.Bytes) + 1
	})
	if was == 0 {
		return nil, err
	}
	return func(ctx context.Context) error {
		return await(ctx, startTimeout, func(ctx context.Context) error {
			return size(ctx, func(*jetstream.StreamInfo) int64 { return was })
		})
	}, err
}

// fillLedger restarts the embedded server with a ledger that may not grow.
func (s *stage) fillLedger() (undo, error) {
	size, err := s.ledgerSize()
	if err != nil {
		return nil, err
	}
	return func(context.Context) error { return s.restart(s.config) },
		s.restart(s.config.with(map[string]any{"ledger": map[string]any{"max_bytes": size + 64<<10}}))
}

// restart stops the embedded server and starts it with another configuration.
func (s *stage) restart(c configuration) error {
	r := s.roles[0]
	s.stop(r)
	if err := s.writeConfig(r.config, c); err != nil {
		return err
	}
	return r.up()
}

// flood publishes nonsense until the embedded streams take no more. What puts it right is more room.
func (s *stage) flood(ctx context.Context) (undo, error) {
	nonsense := make([]byte, 200<<10)
	for i := range nonsense {
		nonsense[i] = 'x'
	}
	team := teams()[0]
	var err error
	for range 1000 {
		err = brief(ctx, func(ctx context.Context) error {
			_, err := s.teams[team].Publish(ctx, "incidents."+team, nonsense)
			return err
		})
		if err != nil {
			break
		}
	}
	if _, full := errors.AsType[*jetstream.APIError](err); !full {
		return nil, fmt.Errorf("flooding the streams: %w", err)
	}
	return func(context.Context) error {
		n := s.config.keys["nats"].(map[string]any)
		more := map[string]any{"listen": n["listen"], "teams": n["teams"], "max_bytes": 2 * n["max_bytes"].(int)}
		s.config = s.config.with(map[string]any{"nats": more})
		return s.restart(s.config)
	}, nil
}

// usual is how providers behave on an ordinary day.
func usual() sandbox.Conduct {
	return sandbox.Conduct{
		Latency: sandbox.Duration(20 * time.Millisecond), ReceiptAfter: sandbox.Duration(150 * time.Millisecond), LateBy: sandbox.Duration(5 * time.Second),
		Refuse: 0.01, Lose: 0.01, Late: 0.05, Duplicate: 0.1, Reorder: 0.1, Read: 0.3,
	}
}

// badly is how they behave on another.
func badly(how string) sandbox.Conduct {
	c := usual()
	switch how {
	case "late":
		c.Late, c.LateBy = 0.8, sandbox.Duration(stepWait+3*time.Second) // when the next step has been tried
	case "lossy":
		c.Lose = 0.5
	case "noisy":
		c.Duplicate, c.Reorder = 0.5, 0.45
	case "slow":
		c.Latency = sandbox.Duration(sendTimeout * 9 / 10)
	default:
		c.Mode = sandbox.Mode(how)
	}
	return c
}

func (s *stage) setConduct(ctx context.Context, provider string, c sandbox.Conduct) error {
	return s.call(ctx, http.MethodPut, "/sandbox/conduct/"+provider, c, nil)
}

// conduct has all providers behave in the same way.
func (s *stage) conduct(ctx context.Context, c sandbox.Conduct) error {
	var errs []error
	for _, p := range s.providers() {
		errs = append(errs, s.setConduct(ctx, p, c))
	}
	return errors.Join(errs...)
}

// menu is what can go wrong on the set-up.
func (s *stage) menu() []menu {
	if s.Setup == Embedded {
		return embeddedMenu(serverName, s.providers())
	}
	every := s.names(func(*role) bool { return true })
	ledgers := s.names(func(r *role) bool { return r.ledger != nil })
	return clusterMenu(every, ledgers, s.nodeNames(), s.providers())
}

// heal makes sure that everything is as it should be, whatever came of the faults.
func (s *stage) heal(ctx context.Context) {
	for _, r := range s.roles {
		r.signal(syscall.SIGCONT)
		for _, g := range r.nats {
			g.heal()
		}
		if r.ledger != nil {
			r.ledger.heal()
		}
		if err := r.up(); err != nil {
			s.say("%v", err)
		}
	}
	s.public.heal()
	if err := s.conduct(ctx, usual()); err != nil {
		s.say("%v", err)
	}
	s.say("all faults are over: %d of them", len(s.journal.faults))
}
