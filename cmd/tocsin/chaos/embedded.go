package chaos

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
)

// raiseEmbedded starts one process that does everything.
func (s *stage) raiseEmbedded(_ context.Context) error {
	listen, err := sandbox.FreeAddress()
	bus, err2 := sandbox.FreeAddress()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if s.public, err = newGate(address{"tcp", listen}); err != nil {
		return err
	}
	var users []any
	for _, t := range teams() {
		users = append(users, map[string]any{"name": t, "password": s.token})
	}
	s.ledger = &app.Config{DataDir: s.path(serverName)}
	s.config = configuration{keys: s.shared(), nodes: []string{bus}}.with(map[string]any{
		"data_dir": s.ledger.DataDir,
		"nats":     map[string]any{"listen": bus, "max_bytes": smallStreams, "teams": users},
		"http": map[string]any{
			"listen": listen, "public_url": "http://" + s.public.address(),
			"tokens": []any{map[string]any{"name": "drill", "token": s.token, "admin": true}},
		},
	})
	r := &role{roles: "all", config: s.path(serverName + ".yaml")}
	r.process = s.program(serverName, "serve", "--config", r.config, "--log-level", "info")
	s.roles = append(s.roles, r)
	if err := s.writeConfig(r.config, s.config); err != nil {
		return err
	}
	return r.up()
}

// smallStreams is the room of all embedded streams together, at first; it is doubled when they are full.
const smallStreams = 64 << 20

// ledgerSize is how large the ledger's file is.
func (s *stage) ledgerSize() (int64, error) {
	info, err := os.Stat(filepath.Join(s.ledger.DataDir, "ledger.db"))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
