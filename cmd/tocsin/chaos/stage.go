package chaos

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/pgserver"
)

// Names of what faults are about.
const (
	postgresName = "postgres"
	serverName   = "server"
)

// startTimeout bounds how long the stage, or a part of it, may take until it stands.
const startTimeout = 2 * time.Minute

// stage is everything that a drill runs.
type stage struct {
	Options
	dir      string
	begun    time.Time
	printing sync.Mutex

	sandbox  *process
	far      sandboxLine
	config   configuration
	public   *gate // in front of the API: where providers and clients come
	token    string
	api      *httpapi.Client
	roles    []*role
	nodes    []*process
	database *pgserver.Server // nil on the embedded set-up
	busy     sync.Map         // targets that have a fault

	conns []*nats.Conn
	teams map[string]jetstream.JetStream // as upstream services publish
	admin jetstream.JetStream            // of the cluster; nil on the embedded set-up

	customers map[string]*audience.Recipient
	ledger    *app.Config // where the checks read
	journal   journal
}

// sandboxLine is what the sandbox says of itself once it listens.
type sandboxLine struct {
	Sandbox   string            `json:"sandbox"`
	Providers map[string]string `json:"providers"`
}

// role is a process of Tocsin, with the gates between it and what it connects to.
type role struct {
	*process
	roles  string
	nats   []*gate
	ledger *gate // nil where there is none
	config string
}

// raise starts everything and returns when it is ready.
func (s *stage) raise(ctx context.Context) error {
	s.token = rand.Text() + rand.Text()
	if err := s.startSandbox(ctx); err != nil {
		return err
	}
	var err error
	if s.Setup == Cluster {
		err = s.raiseCluster(ctx)
	} else {
		err = s.raiseEmbedded(ctx)
	}
	if err != nil {
		return err
	}
	s.api = httpapi.NewClient("http://"+s.public.address(), s.token)
	err = await(ctx, startTimeout, func(ctx context.Context) error { return brief(ctx, s.api.Ready) })
	if err != nil {
		return fmt.Errorf("the servers are not ready: %w", err)
	}
	return s.connectTeams()
}

// brief gives a request some seconds.
func brief(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return f(ctx)
}

// backup is a second account behind the channel sms.
const backup, backedUp = "backup", "twilio"

func (s *stage) startSandbox(ctx context.Context) error {
	said := make(chan string, 1)
	s.sandbox = s.program("sandbox", "sandbox", "--keep-messages", "--account", backup+"="+backedUp)
	s.sandbox.said = func(line string) { said <- line }
	if err := s.sandbox.up(); err != nil {
		return err
	}
	select {
	case line := <-said:
		if err := json.Unmarshal([]byte(line), &s.far); err != nil {
			return fmt.Errorf("the sandbox said %q: %w", line, err)
		}
	case <-time.After(startTimeout):
		return s.sandbox.failed(errors.New("it does not start"))
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// providers are the accounts at simulated providers.
func (s *stage) providers() []string {
	names := []string{backup}
	for _, a := range s.Adapters {
		names = append(names, a.Simulator.Provider)
	}
	return names
}

// call calls the sandbox's control API and hands its answer to read, if that is not nil.
func (s *stage) call(ctx context.Context, method, path string, body any, read func(io.Reader) error) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.far.Sandbox+path, strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("sandbox: %s: %s", resp.Status, text)
	}
	if read == nil {
		return nil
	}
	return read(resp.Body)
}

// find returns the role's process of that name.
func (s *stage) find(name string) *role {
	for _, r := range s.roles {
		if r.name == name {
			return r
		}
	}
	return nil
}

// fold stops everything.
func (s *stage) fold() error {
	for _, nc := range s.conns {
		nc.Close()
	}
	var all sync.WaitGroup
	for _, r := range s.roles {
		all.Go(func() { r.kill() })
	}
	all.Wait()
	for _, n := range s.nodes {
		n.kill()
	}
	var err error
	if s.database != nil {
		err = s.database.Stop()
	}
	if s.sandbox != nil {
		s.sandbox.kill()
	}
	for _, r := range s.roles {
		for _, g := range r.nats {
			g.close()
		}
		if r.ledger != nil {
			r.ledger.close()
		}
	}
	if s.public != nil {
		s.public.close()
	}
	return err
}

// writeConfig writes a role's configuration.
func (s *stage) writeConfig(path string, c configuration) error {
	raw, err := c.yaml()
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// importCustomers makes customers up, and has them imported.
func (s *stage) importCustomers(ctx context.Context) error {
	mix := audience.DefaultMix()
	mix.NoAddress, mix.NoConsent, mix.LessConsent = 0.01, 0.02, 0.05
	s.customers = map[string]*audience.Recipient{}
	var file strings.Builder
	_, err := audience.Export(&file, audience.JSONL, nil, func(yield func(audience.Recipient, error) bool) {
		for r := range audience.Generate(s.Customers, s.Seed, mix) {
			s.customers[r.ID] = &r
			if !yield(r, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	sum, err := s.api.ImportCustomers(ctx, strings.NewReader(file.String()), audience.JSONL, nil, io.Discard)
	if err == nil && sum.Imported != s.Customers {
		err = fmt.Errorf("%d of %d customers were imported", sum.Imported, s.Customers)
	}
	return err
}

// connectTeams connects as upstream services do; the connections come back by themselves.
func (s *stage) connectTeams() error {
	s.teams = map[string]jetstream.JetStream{}
	for _, team := range teams() {
		js, err := s.connect(team)
		if err != nil {
			return err
		}
		s.teams[team] = js
	}
	if s.Setup == Cluster {
		s.admin = s.teams[teams()[0]]
	}
	return nil
}

func (s *stage) connect(team string) (jetstream.JetStream, error) {
	opts := []nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.Name("upstream " + team)}
	if s.Setup == Embedded {
		opts = append(opts, nats.UserInfo(team, s.token))
	}
	nc, err := nats.Connect(s.config.natsURL(), opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	s.conns = append(s.conns, nc)
	return jetstream.New(nc)
}
