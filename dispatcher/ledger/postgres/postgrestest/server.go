// Package postgrestest gives tests a PostgreSQL server of their own: see pgserver. Where its programs
// are not installed, starting fails and says so: a test that needs it must not pass without it.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres/pgserver"
)

// Server is a PostgreSQL server of the test's own. It ends with the process that started it, however
// that ends. It is safe for concurrent use.
type Server struct {
	dir    string
	server *pgserver.Server // nil until its data is made
	made   atomic.Int64     // databases
}

// owner owns the tests' databases; it is no superuser, as Tocsin's user need not be.
const owner, template = "tocsin", "tocsin_template"

// Start starts a server with a template database that has the ledger's schema. Stop it.
func Start() (_ *Server, err error) {
	dir, err := os.MkdirTemp("", "tocsin-pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting PostgreSQL: %w", err), s.Stop())
		}
	}()
	if s.server, err = pgserver.New(dir); err != nil {
		return nil, err
	}
	if err := s.server.Start(context.Background()); err != nil {
		return nil, err
	}
	return s, s.makeTemplate()
}

// New starts a server that is stopped when the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stopping PostgreSQL: %v", err)
		}
	})
	return s
}

// Stop ends the server, with all connections to it, and removes its files.
func (s *Server) Stop() error {
	var err error
	if s.server != nil {
		err = s.server.Stop()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) admin(statement string) error {
	return s.server.Admin(context.Background(), statement)
}

func (s *Server) makeTemplate() error {
	for _, statement := range []string{"CREATE ROLE " + owner + " LOGIN CREATEDB", "CREATE DATABASE " + template + " OWNER " + owner} {
		if err := s.admin(statement); err != nil {
			return err
		}
	}
	l, err := postgres.Open(context.Background(), s.server.URL(owner, template))
	if err != nil {
		return err
	}
	return l.Close()
}

// Database makes a database with the ledger's schema and returns its URL. It is dropped when the test
// ends, with all connections to it.
func (s *Server) Database(t testing.TB) string { return s.database(t, template) }

// Empty is like Database, without the schema.
func (s *Server) Empty(t testing.TB) string { return s.database(t, "template0") }

// Copy is like Database, with what is in the database at a URL of this server's. Nobody may be connected
// to that one.
func (s *Server) Copy(t testing.TB, of string) string {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	return s.database(t, strings.TrimPrefix(u.Path, "/"))
}

func (s *Server) database(t testing.TB, like string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	if err := s.admin(fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s STRATEGY file_copy", name, like, owner)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.admin(fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Error(err)
		}
	})
	return s.server.URL(owner, name)
}
