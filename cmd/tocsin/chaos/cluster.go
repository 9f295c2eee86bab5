package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/pgserver"
)

// clusterRoles are the processes of the cluster set-up, with their roles.
func clusterRoles() [][2]string {
	return [][2]string{
		{"engine-1", "dispatcher,fallback"}, {"engine-2", "dispatcher,fallback"},
		{"fallback-1", "fallback"}, {"fallback-2", "fallback"},
		{"lane-1", "lane"}, {"lane-2", "lane"}, {"lane-3", "lane"},
		{"http-1", "http"}, {"http-2", "http"},
	}
}

// raiseCluster starts three NATS servers, PostgreSQL, and several processes of each role.
func (s *stage) raiseCluster(ctx context.Context) error {
	if err := s.startDatabase(ctx); err != nil {
		return err
	}
	if err := s.startNodes(ctx); err != nil {
		return err
	}
	var https []address
	listens := map[string]string{}
	for _, r := range clusterRoles() {
		if r[1] == "http" {
			at, err := sandbox.FreeAddress()
			if err != nil {
				return err
			}
			listens[r[0]] = at
			https = append(https, address{"tcp", at})
		}
	}
	var err error
	if s.public, err = newGate(https...); err != nil {
		return err
	}
	key := rand.Text() + rand.Text()
	for _, r := range clusterRoles() {
		if err := s.addRole(r[0], r[1], listens[r[0]], key); err != nil {
			return err
		}
	}
	s.ledger = &app.Config{Ledger: app.Ledger{URL: channels.Secret(s.database.URL("tocsin", "tocsin"))}}
	if _, _, err := app.Migrate(ctx, s.ledger); err != nil {
		return fmt.Errorf("preparing the ledger: %w", err)
	}
	for _, r := range s.roles {
		if err := r.up(); err != nil {
			return err
		}
	}
	return nil
}

// startDatabase starts PostgreSQL, with an empty database.
func (s *stage) startDatabase(ctx context.Context) error {
	dir := s.path(postgresName)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var err error
	if s.database, err = pgserver.New(dir); err != nil {
		return err
	}
	if err := s.database.Start(ctx); err != nil {
		return err
	}
	return errors.Join(
		s.database.Admin(ctx, "CREATE ROLE tocsin LOGIN"),
		s.database.Admin(ctx, "CREATE DATABASE tocsin OWNER tocsin"),
	)
}

// nodeCount is how many NATS servers there are.
const nodeCount = 3

// startNodes starts the NATS servers and waits until they are a cluster.
func (s *stage) startNodes(ctx context.Context) error {
	var clients, routes []string
	for range nodeCount {
		client, err := sandbox.FreeAddress()
		route, err2 := sandbox.FreeAddress()
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		clients, routes = append(clients, client), append(routes, route)
	}
	s.config.nodes = clients
	for i := range nodeCount {
		name := fmt.Sprintf("nats-%d", i+1)
		n := s.program(name, "chaos-node", "--name", name, "--dir", s.path(name), "--listen", clients[i], "--cluster", routes[i],
			"--routes", strings.Join(append(append([]string{}, routes[:i]...), routes[i+1:]...), ","))
		s.nodes = append(s.nodes, n)
		if err := n.up(); err != nil {
			return err
		}
	}
	err := await(ctx, startTimeout, func(ctx context.Context) error { return s.threeServers(ctx) })
	if err != nil {
		return fmt.Errorf("the NATS servers are no cluster: %w", err)
	}
	return nil
}

// threeServers returns nil when the cluster takes streams with three replicas.
func (s *stage) threeServers(ctx context.Context) error {
	nc, err := nats.Connect(s.config.natsURL())
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return brief(ctx, func(ctx context.Context) error {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "try", Subjects: []string{"try"}, Replicas: nodeCount}); err != nil {
			return err
		}
		return js.DeleteStream(ctx, "try")
	})
}

// addRole makes a process of the cluster set-up, with gates to everything that it connects to.
func (s *stage) addRole(name, roles, listen, key string) error {
	r := &role{roles: roles, config: s.path(name + ".yaml")}
	var urls []string
	for _, n := range s.config.nodes {
		g, err := newGate(address{"tcp", n})
		if err != nil {
			return err
		}
		r.nats = append(r.nats, g)
		urls = append(urls, "nats://"+g.address())
	}
	keys := map[string]any{
		"data_dir": s.path(name), "key": key,
		"nats": map[string]any{"url": strings.Join(urls, ","), "max_bytes": "1GiB"},
		"http": map[string]any{
			"listen": listen, "public_url": "http://" + s.public.address(),
			"tokens": []any{map[string]any{"name": "drill", "token": s.token, "admin": true}},
		},
	}
	if roles != "lane" {
		var err error
		if r.ledger, err = newGate(address{"unix", s.database.Socket()}); err != nil {
			return err
		}
		keys["ledger"] = map[string]any{"url": "postgres://tocsin@" + r.ledger.address() + "/tocsin?sslmode=disable&connect_timeout=5"}
	}
	r.process = s.program(name, "serve", "--config", r.config, "--roles", roles, "--log-level", "info")
	s.roles = append(s.roles, r)
	return s.writeConfig(r.config, configuration{keys: s.shared()}.with(keys))
}

// names are those of the processes whose roles satisfy a condition.
func (s *stage) names(holds func(*role) bool) []string {
	var all []string
	for _, r := range s.roles {
		if holds(r) {
			all = append(all, r.name)
		}
	}
	return all
}

func (s *stage) nodeNames() []string {
	var all []string
	for _, n := range s.nodes {
		all = append(all, n.name)
	}
	return all
}

// node returns the NATS server of that name.
func (s *stage) node(name string) *process {
	for _, n := range s.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}
