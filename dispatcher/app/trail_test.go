package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// fakeTrail is a trail in memory.
type fakeTrail struct {
	mu    sync.Mutex
	links []ledger.TrailLink
	err   error
}

func (f *fakeTrail) TrailHead(context.Context) (ledger.TrailHead, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head(), f.err
}

func (f *fakeTrail) head() (h ledger.TrailHead) {
	if len(f.links) > 0 {
		h = f.links[len(f.links)-1].Head()
	}
	return h
}

func (f *fakeTrail) TrailAfter(_ context.Context, after int64, limit int) ([]ledger.TrailLink, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.links[after:]
	return rest[:min(limit, len(rest))], f.err
}

func (f *fakeTrail) add(t *testing.T, kind ledger.TrailKind, update int64) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	l, err := f.head().Append(ledger.TrailEntry{Kind: kind, Update: update})
	if err != nil {
		t.Fatal(err)
	}
	f.links = append(f.links, l)
}

func (f *fakeTrail) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func TestClosingsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trail := &fakeTrail{err: errors.New("out of order")}
		trail.add(t, ledger.TrailClosed, 1) // before we came
		var out bytes.Buffer                // read while nobody writes: synctest.Wait sees to that
		c := &closings{trail: trail, log: slog.New(slog.NewTextHandler(&out, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.run(ctx) }()
		synctest.Wait()
		if !strings.Contains(out.String(), "out of order") {
			t.Errorf("log of a ledger that can't be read: %s", out.String())
		}
		trail.fail(nil)
		time.Sleep(closingsEvery) // the clock is synctest's
		synctest.Wait()
		for range 150 {
			trail.add(t, ledger.TrailPlanned, 2)
		}
		trail.add(t, ledger.TrailClosed, 2)
		time.Sleep(2 * closingsEvery)
		synctest.Wait()
		if got, head := out.String(), trail.head(); strings.Count(got, "update closed") != 1 || !strings.Contains(got, "update=2 trail_head="+head.String()) {
			t.Errorf("log: %s", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestTrailCollector(t *testing.T) {
	trail := &fakeTrail{}
	trail.add(t, ledger.TrailBegun, 0)
	var out bytes.Buffer
	c := newTrailCollector(trail, slog.New(slog.NewTextHandler(&out, nil)))
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	want := "# HELP tocsin_trail_entries Entries of the ledger's trail; its newest hash as a label, so that it is kept where metrics are.\n" +
		"# TYPE tocsin_trail_entries gauge\n" + `tocsin_trail_entries{head="` + trail.links[0].Hash.String() + `"} 1` + "\n"
	if err := testutil.GatherAndCompare(r, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	trail.fail(errors.New("out of order"))
	if n := testutil.CollectAndCount(c); n != 0 || !strings.Contains(out.String(), "out of order") {
		t.Errorf("%d metrics of a ledger that can't be read; log %s", n, out.String())
	}
}
