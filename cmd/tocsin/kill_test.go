package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/postgrestest"
)

// victim is a server that is killed and started again, on the same data, while its providers live on.
type victim struct {
	t       *testing.T
	config  string
	dataDir string
	sandbox sandboxLine
	process *exec.Cmd
	client  *httpapi.Client
}

const (
	killConcurrency = 8
	killCustomers   = 6000
)

// newVictim runs a server with the ledger that books says, and changes to each channel's configuration.
func newVictim(t *testing.T, books, change map[string]any) *victim {
	t.Helper()
	v := &victim{t: t, dataDir: filepath.Join(t.TempDir(), "data")}
	v.startSandbox()
	listen, err := sandbox.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	channels := map[string]any{}
	for _, e := range all.List() {
		if !e.Simulated() || len(e.Simulator.Accounts) > 0 {
			continue
		}
		channels[e.Spec.Channel] = map[string]any{
			"provider": e.Spec.Provider, "wait": "20s", "bounce_window": "1s", "rate": 0, "concurrency": killConcurrency,
			"settings": e.Simulator.Settings(v.sandbox.Providers[e.Spec.Provider]),
		}
		maps.Copy(channels[e.Spec.Channel].(map[string]any), change)
	}
	raw, err := yaml.Marshal(map[string]any{
		"data_dir": v.dataDir, "organisation": "Example Bank", "zone": "Europe/Chisinau", "phone_country": "MD", "approval": "none",
		"http": map[string]any{"listen": listen, "public_url": "http://" + listen}, "nats": map[string]any{"listen": "127.0.0.1:0"},
		"channels": channels, "ledger": books,
	})
	if err != nil {
		t.Fatal(err)
	}
	v.config = filepath.Join(t.TempDir(), "tocsin.yaml")
	if err := os.WriteFile(v.config, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	v.start()
	t.Cleanup(func() { v.kill() })
	return v
}

func (v *victim) startSandbox() {
	cmd := exec.Command("tocsin", "sandbox", "--until-stdin-closes",
		"--set", "smtp.latency=10ms", "--set", "telegram.latency=10ms", "--set", "viber.latency=10ms", "--set", "twilio.latency=10ms")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		v.t.Fatal(err)
	}
	if err := json.Unmarshal(line, &v.sandbox); err != nil {
		v.t.Fatal(err)
	}
}

// start runs a server and returns when it is ready.
func (v *victim) start() {
	v.t.Helper()
	v.process = exec.Command("tocsin", "serve", "-c", v.config, "--log-level", "warn")
	v.process.Stderr = os.Stderr
	if err := v.process.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.until("the server is ready", func() bool {
		e, err := app.ReadEndpoints(v.dataDir)
		if err != nil {
			return false
		}
		v.client = httpapi.NewClient(e.HTTP, e.Token)
		return v.client.Ready(v.t.Context()) == nil
	})
}

// kill ends the server as the power does.
func (v *victim) kill() {
	_ = v.process.Process.Kill()
	_ = v.process.Wait()
}

// until waits for a condition.
func (v *victim) until(what string, holds func() bool) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			v.t.Fatalf("waited in vain until %s; the update stands at %+v", what, v.progress())
		}
	}
}

func (v *victim) totals() map[string]sandbox.Tally {
	v.t.Helper()
	resp, err := http.Get(v.sandbox.Sandbox + "/sandbox/counts")
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	totals := map[string]sandbox.Tally{}
	if err := json.NewDecoder(resp.Body).Decode(&totals); err != nil {
		v.t.Fatal(err)
	}
	return totals
}

func (v *victim) accepted() (n, repeats int) {
	for _, t := range v.totals() {
		n, repeats = n+t.Accepted, repeats+t.Repeats
	}
	return n, repeats
}

// tallies returns what a provider has counted, by address.
func (v *victim) tallies(provider string) map[string]sandbox.Tally {
	v.t.Helper()
	resp, err := http.Get(v.sandbox.Sandbox + "/sandbox/counts/" + provider)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	all := map[string]sandbox.Tally{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		var c struct {
			Address string `json:"address"`
			sandbox.Tally
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			v.t.Fatal(err)
		}
		all[c.Address] = c.Tally
	}
	return all
}

// told returns the addresses that a provider has counted a message for.
func (v *victim) told() map[string]bool {
	told := map[string]bool{}
	for provider := range v.sandbox.Providers {
		for address, n := range v.tallies(provider) {
			told[address] = n.Accepted > 0
		}
	}
	return told
}

func (v *victim) progress() ledger.UpdateProgress {
	inc, err := v.client.Incident(v.t.Context(), "ops", "night")
	if err != nil || len(inc.Progress) == 0 {
		return ledger.UpdateProgress{}
	}
	return inc.Progress[0]
}

// TestKilledServerLosesNobody kills -9 a server while it plans, and twice while it sends. In the end
// the report balances, the providers have counted a message for everybody, and no more repeats than
// the attempts that the kills left in doubt.
func TestKilledServerLosesNobody(t *testing.T) { killedServerLosesNobody(t, nil) }

// TestKilledServerOnPostgreSQLLosesNobody does the same with the ledger in a database, which sees only
// that its client is gone.
func TestKilledServerOnPostgreSQLLosesNobody(t *testing.T) {
	killedServerLosesNobody(t, map[string]any{"url": postgrestest.New(t).Database(t)})
}

func killedServerLosesNobody(t *testing.T, books map[string]any) {
	v := newVictim(t, books, nil)
	mix := audience.DefaultMix()
	mix.NoAddress, mix.NoConsent, mix.LessConsent = 0, 0, 0
	var customers strings.Builder
	var everybody []audience.Recipient
	for r := range audience.Generate(killCustomers, 7, mix) {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		customers.Write(append(line, '\n'))
		if len(r.Addresses) > 0 {
			everybody = append(everybody, r)
		}
	}
	if _, err := v.client.ImportCustomers(t.Context(), strings.NewReader(customers.String()), audience.JSONL, nil, io.Discard); err != nil {
		t.Fatal(err)
	}
	v.publish(1, nil)

	v.until("planning has begun", func() bool { return v.progress().Audience > 0 })
	v.kill()
	v.start()
	kills := 1
	for _, share := range []int{5, 2} {
		v.until(fmt.Sprintf("a part of the messages (1/%d) is out", share), func() bool {
			n, _ := v.accepted()
			return n > killCustomers/share
		})
		v.kill()
		kills++
		v.start()
	}
	v.until("everybody has an outcome", func() bool { return v.progress().State == ledger.Closed })

	r, err := v.client.Report(t.Context(), "ops", "night")
	if err != nil {
		t.Fatal(err)
	}
	if u := r.Updates[0]; !r.Balanced || u.Balance.Audience != killCustomers {
		t.Errorf("the report does not balance for %d: %+v", killCustomers, u.Balance)
	}
	v.audit()
	told := v.told()
	for i := range everybody {
		if !reachable(&everybody[i], told) {
			t.Errorf("no provider has counted a message for %s", everybody[i].ID)
		}
	}
	// Four lanes, three batches each, and a window of 64 in each of those.
	_, repeats := v.accepted()
	if most := kills * 4 * 3 * 64; repeats > most {
		t.Errorf("the providers count %d repeats, more than the %d that may have been in doubt", repeats, most)
	}
	t.Logf("%d kills, %d repeats counted by the providers, %d by the report", kills, repeats, r.Updates[0].Repeats)
	if int64(repeats) > r.Updates[0].Repeats {
		t.Errorf("the providers count %d repeats, the report owns up to %d", repeats, r.Updates[0].Repeats)
	}
}

// publish announces the n-th update, to whoever is in one of the segments, or to all.
func (v *victim) publish(n int, segments []string) {
	v.t.Helper()
	now := time.Now().UTC()
	body, err := incident.Encode(incident.Update{
		Source: "test", EventID: fmt.Sprint(n), Time: now, Sequence: fmt.Sprint(n),
		Data: incident.Data{
			Team: "ops", Incident: "night", Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Critical, StartedAt: now,
			Affects: incident.Audience{Segments: segments},
			Summary: incident.Text{"en": fmt.Sprintf("Cards fail (%d).", n), "ro": fmt.Sprintf("Cardurile nu merg (%d).", n), "ru": fmt.Sprintf("Карты не работают (%d).", n)},
		},
	})
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.client.Publish(v.t.Context(), body); err != nil {
		v.t.Fatal(err)
	}
}

// audit holds the ledger to its invariants, beside the server at work on it.
func (v *victim) audit() {
	v.t.Helper()
	out, err := exec.Command("tocsin", "audit", "-c", v.config).CombinedOutput()
	if err != nil {
		v.t.Errorf("audit: %v\n%s", err, out)
	}
	v.t.Logf("%s", out)
}

func reachable(r *audience.Recipient, told map[string]bool) bool {
	for _, a := range r.Addresses {
		if told[a.Address] {
			return true
		}
	}
	return false
}
