package playbook

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Poll is how often the team's folder is looked at.
const Poll = 2 * time.Second

// Live is the set that runs. It follows the team's folder: what is changed there is taken over once it
// stands still and is found to be in order; until then the set stays as it is. It is safe for concurrent
// use.
type Live struct {
	options Options
	log     *slog.Logger
	observe func(Look)
	current atomic.Pointer[Set]
}

// Look is what came of looking at a folder that had changed.
type Look struct {
	// Set is the new set; nil if the one before stays.
	Set *Set
	// Err says why it stays: Faults of what is in the folder, or that it can't be read.
	Err error
}

// NewLive loads the set that is to run first. Its error is that of Load. Observe, if not nil, is told of
// every change of the folder, and of its end.
func NewLive(o Options, log *slog.Logger, observe func(Look)) (*Live, error) {
	s, err := Load(o)
	if err != nil {
		return nil, err
	}
	if observe == nil {
		observe = func(Look) {}
	}
	l := &Live{options: o, log: log, observe: observe}
	l.current.Store(s)
	return l, nil
}

// Set returns the set that runs.
func (l *Live) Set() *Set { return l.current.Load() }

// Prepare is that of the set that runs.
func (l *Live) Prepare(u incident.Update) (Prepared, []incident.Fault) { return l.Set().Prepare(u) }

// Run follows the folder until ctx ends.
func (l *Live) Run(ctx context.Context) error {
	if l.options.Own == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(Poll)
	defer tick.Stop()
	w := watch{done: l.Set().Hash, last: l.Set().Hash}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.look(ctx, &w)
		}
	}
}

// watch is what is remembered from look to look.
type watch struct {
	// last is the hash of what was seen last, done of what was last taken over or refused.
	last, done string
	// unreadable is the error of a folder that could not be read.
	unreadable string
}

// look takes over what has changed, if it was the same at the look before: files that are being copied are
// left alone until all of them are there.
func (l *Live) look(ctx context.Context, w *watch) {
	own, err := readOwn(l.options)
	if err != nil {
		if w.unreadable != err.Error() {
			w.unreadable = err.Error()
			l.kept(ctx, err)
		}
		return
	}
	hash := own.hash("")
	still := hash == w.last
	if w.last = hash; !still {
		return
	}
	if hash != w.done || w.unreadable != "" {
		w.unreadable, w.done = "", hash
		l.take(ctx, own)
	}
}

func (l *Live) take(ctx context.Context, own *source) {
	if own.hash("") == l.Set().Hash { // what could not be used was taken back
		l.log.InfoContext(ctx, "playbooks are again those that run", "place", l.options.Place)
		l.observe(Look{Set: l.Set()})
		return
	}
	s, err := load(l.options, own)
	if err != nil {
		l.kept(ctx, err)
		return
	}
	l.current.Store(s)
	l.log.InfoContext(ctx, "playbooks changed, and were taken over", "place", l.options.Place, "hash", s.Hash)
	for _, f := range s.check(l.options) {
		l.log.WarnContext(ctx, "playbook: see `tocsin playbook check`", "at", f.Place, "problem", f.Problem)
	}
	l.observe(Look{Set: s})
}

// kept says all that is wrong with what was not taken over.
func (l *Live) kept(ctx context.Context, err error) {
	l.log.ErrorContext(ctx, "playbooks changed, but can't be used: those before are kept; see `tocsin playbook check`",
		"place", l.options.Place, "kept", l.Set().Hash)
	for _, f := range faultsOf(err) {
		l.log.ErrorContext(ctx, "playbook not used", "at", f.Place, "problem", f.Problem)
	}
	l.observe(Look{Err: err})
}

// HashOf returns the hash that a set has which is loaded from a folder now.
func HashOf(o Options) (string, error) {
	own, err := readOwn(o)
	if err != nil || own == nil {
		return "", err
	}
	return own.hash(""), nil
}
