package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	twiliosim "github.com/tocsin-dev/tocsin/channels/sms/twilio/sim"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// process is one process of Tocsin on a cluster.
type process struct {
	*app.App
	dir  string
	stop func()
}

// city is a NATS cluster, a provider, and processes of Tocsin on them.
type city struct {
	*testing.T
	nats *bustest.Cluster
	far  *sandbox.Server
	sims []sandbox.Simulator
	http string // where the http role listens, and providers report
}

func newCity(t *testing.T) *city {
	t.Helper()
	c := &city{T: t, nats: bustest.StartCluster(t), sims: []sandbox.Simulator{twiliosim.Simulator()}, http: freeAddress(t)}
	ctx, cancel := context.WithCancel(context.Background())
	far, err := sandbox.New(ctx, "127.0.0.1:0", sandbox.Conduct{ByDigit: true}, c.sims)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- far.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	c.far = far
	return c
}

// start starts a process with a data directory of its own.
func (c *city) start(roles ...app.Role) *process {
	c.Helper()
	dir := c.TempDir()
	cfg := load(c.T, dir, c.far, c.sims, func(m map[string]any) {
		m["nats"] = map[string]any{"url": c.nats.URL(), "max_bytes": "64MiB"}
		m["http"] = map[string]any{"listen": c.http, "public_url": "http://" + c.http, "metrics_listen": "127.0.0.1:0"}
		m["key"] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		sms := m["channels"].(map[string]any)["sms"].(map[string]any)
		sms["rate"], sms["wait"] = 150, "1m"
	})
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, app.Options{Config: cfg, Specs: specs(), Roles: roles, Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		c.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stopped := false
	p := &process{App: a, dir: cfg.DataDir, stop: func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-ended; err != nil {
				c.Errorf("stopping a process with %v: %v", roles, err)
			}
		}
	}}
	c.Cleanup(p.stop)
	return p
}

// sent is how many messages the provider has taken.
func (c *city) sent() (total, most int) {
	c.far.Desk("twilio").Each(func(_ string, t sandbox.Tally) {
		total, most = total+t.Accepted, max(most, t.Accepted)
	})
	return total, most
}

// TestRollingRestartOnACluster: the ledger's roles in one process, lanes in others. While an update
// goes out, the sending process is stopped and another goes on, and a NATS server is restarted:
// everybody gets one message.
func TestRollingRestartOnACluster(t *testing.T) {
	c := newCity(t)
	office := c.start(app.Dispatcher, app.Fallback, app.HTTPRole)
	first := c.start(app.Lanes)
	w := &town{t: t, sandbox: c.far, client: httpapi.NewClient(office.Endpoints().HTTP, office.Endpoints().Token), url: office.Endpoints().HTTP}
	const people = 600
	var lines []string
	for i := range people {
		lines = append(lines, customer(fmt.Sprint("c", i), "sms", fmt.Sprintf("+3736900%03d0", i), fmt.Sprintf("+3736900%03d0", i)))
	}
	w.customers(lines...)
	second := c.start(app.Lanes) // it waits for the lease
	w.publish(incident.Investigating, 1, nil)
	atLeast := func(n int) {
		bustest.Eventually(t, fmt.Sprint(n, " messages are sent"), func() bool { total, _ := c.sent(); return total >= n })
	}
	atLeast(100)
	first.stop()
	atLeast(200)
	c.nats.Stop(0)
	third := c.start(app.Lanes)
	second.stop()
	atLeast(400)
	c.nats.Start(0)
	r := w.report(1)
	if b := r.Updates[0].Balance; b.Audience != people || b.Reached != people {
		t.Errorf("balance %+v, want all of %d reached", b, people)
	}
	if total, most := c.sent(); total != people || most != 1 {
		t.Errorf("%d messages sent, %d to one of them; want one each to %d", total, most, people)
	}
	third.stop()
}

// TestLaneProcessKeepsNoLedger: a process that only sends has a data directory with nothing in it but
// what tells commands that it runs.
func TestLaneProcessKeepsNoLedger(t *testing.T) {
	c := newCity(t)
	p := c.start(app.Lanes)
	bustest.Eventually(t, "the process runs", func() bool { _, err := os.Stat(filepath.Join(p.dir, "server.json")); return err == nil })
	files, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "lock" && f.Name() != "server.json" {
			t.Errorf("%s is in the data directory of a process that needs none", f.Name())
		}
	}
	if e, err := app.ReadEndpoints(p.dir); err != nil || e.HTTP != "" || e.NATS != "" {
		t.Errorf("endpoints while it runs: %+v, %v", e, err)
	}
	p.stop()
	if _, err := app.ReadEndpoints(p.dir); err == nil {
		t.Error("a process that has ended is taken for a running one")
	}
}

// TestLaneProcessTellsHowItIs: metrics and health of a process that only sends.
func TestLaneProcessTellsHowItIs(t *testing.T) {
	c := newCity(t)
	p := c.start(app.Lanes)
	bustest.Eventually(t, "the process is ready", func() bool {
		resp, err := http.Get(p.Endpoints().Metrics + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	bustest.Eventually(t, "its lease shows in the metrics", func() bool {
		return strings.Contains(metrics(t, p.Endpoints().Metrics), `tocsin_lease_held{lease="lane-sms"} 1`)
	})
}

// TestReadyOnACluster: the http role answers for NATS and the ledger.
func TestReadyOnACluster(t *testing.T) {
	c := newCity(t)
	p := c.start(app.HTTPRole)
	bustest.Eventually(t, "the process is ready", func() bool {
		resp, err := http.Get(p.Endpoints().HTTP + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}
