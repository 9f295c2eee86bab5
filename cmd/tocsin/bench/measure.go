package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// figures are what was measured.
type figures struct {
	recipients int
	rounds     []round
	roles      []role
	bareRoles  []role
	peakRSS    int64
	jetstream  int64 // bytes on disk
	ledger     int64
}

// round is one turn: the bare clients, then Tocsin.
type round struct {
	incident, update         int // from 0
	recipients               int
	bareCPU, cpu, bare, wall time.Duration
	server                   time.Duration // CPU time of the database's server
}

// cpu is the CPU time that this process has used, in user and system mode.
func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // fails for a bad argument only
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// peakRSS is the most memory that this process has had, in bytes.
func peakRSS() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Maxrss << 10 // Linux counts in KiB
}

func (b *bench) measure(ctx context.Context) (*figures, error) {
	x, err := newBare(b)
	if err != nil {
		return nil, err
	}
	defer func() { _ = x.close() }()
	e := b.app.Endpoints()
	nc, err := nats.Connect(e.NATS, nats.UserInfo(e.NATSUser, e.NATSPassword))
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	f := &figures{recipients: b.Recipients}
	jsBefore, ledgerBefore := b.sizes()
	for i := range b.Rounds * b.Updates {
		fmt.Fprintf(b.Out, "round %d of %d\n", i+1, b.Rounds*b.Updates)
		r, err := b.round(ctx, x, js, i/b.Updates, i%b.Updates)
		if err != nil {
			return nil, err
		}
		f.rounds = append(f.rounds, r)
	}
	f.peakRSS = peakRSS()
	jsAfter, ledgerAfter := b.sizes()
	f.jetstream, f.ledger = jsAfter-jsBefore, ledgerAfter-ledgerBefore
	return f, b.profile(ctx, x, js, f)
}

// round lets the bare clients and then Tocsin tell everybody the same: an update of an incident.
func (b *bench) round(ctx context.Context, x *bare, js jetstream.JetStream, inc, n int) (round, error) {
	r, u := round{incident: inc, update: n, recipients: b.Recipients}, b.update(inc, n)
	var err error
	if err := x.registerWebhooks(ctx, func(Adapter) string { return x.url() }, b.Adapters); err != nil {
		return r, err
	}
	if r.bareCPU, r.bare, err = x.announce(ctx, b, u); err != nil {
		return r, err
	}
	if err := x.registerWebhooks(ctx, b.webhook, b.Adapters); err != nil {
		return r, err
	}
	runtime.GC()
	cpuBefore, serverBefore, begun := cpu(), b.server.cpu(), time.Now()
	if err := b.announce(ctx, js, u); err != nil {
		return r, err
	}
	r.cpu, r.server, r.wall = cpu()-cpuBefore, b.server.cpu()-serverBefore, time.Since(begun)
	return r, b.balanced(ctx, u)
}

func (b *bench) webhook(a Adapter) string {
	return b.publicURL + "/v1/receipts/" + a.Spec.Channel + "/" + a.Spec.Provider
}

// update is what is told: the nth update of an incident.
func (b *bench) update(inc, n int) incident.Update {
	now := time.Now().UTC()
	next := now.Add(time.Hour)
	return incident.Update{
		Source: "tocsin-bench", EventID: fmt.Sprintf("%d-%d", inc, n), Time: now,
		Data: incident.Data{
			Team: team, Incident: fmt.Sprintf("bench-%d", inc), Kind: incident.Outage, Status: incident.Identified,
			Impact: incident.Critical, StartedAt: now, NextUpdateAt: &next,
			Summary: incident.Text{
				"en": fmt.Sprintf("Card payments and cash machines are out of order (%d).", inc),
				"ro": fmt.Sprintf("Plățile cu cardul și bancomatele nu funcționează (%d).", inc),
				"ru": fmt.Sprintf("Не работают платежи картой и банкоматы (%d).", inc),
			},
			Advice: incident.Text{
				"en": "Cash is paid out in all branches.", "ro": "Numerar se eliberează în toate sucursalele.",
				"ru": "Наличные выдают во всех отделениях.",
			},
		},
	}
}

// announce publishes an update and returns when everybody has an outcome. It looks now and then,
// through the API: that little is Tocsin's own cost as well.
func (b *bench) announce(ctx context.Context, js jetstream.JetStream, u incident.Update) error {
	body, err := incident.Encode(u)
	if err != nil {
		return err
	}
	if _, err := js.Publish(ctx, bus.IncidentSubject(team), body); err != nil {
		return err
	}
	for {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		inc, err := b.client.Incident(ctx, team, u.Incident)
		if err == nil && slices.ContainsFunc(inc.Progress, func(p ledger.UpdateProgress) bool {
			return p.EventID == u.EventID && p.State == ledger.Closed
		}) {
			return nil
		}
	}
}

// balanced checks that everybody was reached.
func (b *bench) balanced(ctx context.Context, u incident.Update) error {
	r, err := b.client.Report(ctx, team, u.Incident)
	if err != nil {
		return err
	}
	for _, told := range r.Updates {
		if !r.Balanced || told.Balance.Unreachable > 0 {
			return fmt.Errorf("bench: %s: not everybody was reached: %+v", u.Incident, told.Balance)
		}
	}
	return nil
}

// profile has either side tell everybody once more under the profiler, to say where the time goes. It
// comes last and counts for nothing else.
func (b *bench) profile(ctx context.Context, x *bare, js jetstream.JetStream, f *figures) error {
	u := b.update(b.Rounds, 0)
	if err := x.registerWebhooks(ctx, func(Adapter) string { return x.url() }, b.Adapters); err != nil {
		return err
	}
	bareRoles, bareRaw, err := profiled(func() error {
		_, _, err := x.announce(ctx, b, u)
		return err
	})
	if err != nil {
		return err
	}
	if err := x.registerWebhooks(ctx, b.webhook, b.Adapters); err != nil {
		return err
	}
	roles, raw, err := profiled(func() error { return b.announce(ctx, js, u) })
	if err == nil {
		err = b.balanced(ctx, u)
	}
	if err == nil && b.Profile != "" {
		err = errors.Join(os.WriteFile(b.Profile, raw, 0o600), os.WriteFile(b.Profile+".bare", bareRaw, 0o600))
	}
	f.roles, f.bareRoles = roles, bareRoles
	return err
}

// profiled runs f under the profiler; it returns what each role used, and the CPU profile itself.
func profiled(f func() error) (roles []role, raw []byte, err error) {
	allocBefore, err := allocations()
	if err != nil {
		return nil, nil, err
	}
	var buf bytes.Buffer
	if err := pprof.StartCPUProfile(&buf); err != nil {
		return nil, nil, err
	}
	err = f()
	pprof.StopCPUProfile()
	if err != nil {
		return nil, nil, err
	}
	allocAfter, err := allocations()
	if err != nil {
		return nil, nil, err
	}
	roles, err = attribute(buf.Bytes(), allocBefore, allocAfter)
	return roles, buf.Bytes(), err
}

// sizes are the bytes that the streams and the ledger take on disk.
func (b *bench) sizes() (jetstream, ledger int64) {
	data := b.config.DataDir
	matches, _ := filepath.Glob(filepath.Join(data, "ledger.db*")) // the pattern is well formed
	for _, m := range matches {
		if info, err := os.Stat(m); err == nil {
			ledger += info.Size()
		}
	}
	_ = filepath.WalkDir(filepath.Join(data, "nats"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				jetstream += info.Size()
			}
		}
		return nil // a file that goes while we look doesn't count
	})
	return jetstream, ledger
}

// median of some durations per recipient, in microseconds.
func median(rounds []round, of func(round) time.Duration) float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, float64(of(r).Nanoseconds())/1e3/float64(r.recipients))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
