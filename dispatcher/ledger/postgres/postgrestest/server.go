// Package postgrestest starts a private PostgreSQL server for tests, from the programs that are
// installed (Debian: apt-get install postgresql). Where there are none, starting fails and says so:
// a test that needs it must not pass without it.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
)

// Server is a PostgreSQL server of the test's own: on a socket in a temporary directory, with fsync
// off, trusting everybody who may open the directory. It ends with the process that started it,
// however that ends. It is safe for concurrent use.
type Server struct {
	dir   string
	stop  io.Closer // the keeper's standard input
	ended chan error
	made  atomic.Int64 // databases
	log   *bytes.Buffer
}

// startTimeout bounds how long a server may take until it answers; two busy cores are slow.
const startTimeout = time.Minute

// owner owns the tests' databases; it is no superuser, as Tocsin's user need not be.
const owner, template = "tocsin", "tocsin_template"

// Start starts a server with a template database that has the ledger's schema. Stop it.
func Start() (_ *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tocsin-pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, ended: make(chan error, 1), log: &bytes.Buffer{}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting PostgreSQL: %w", err), s.Stop())
		}
	}()
	as, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	if err := s.initialise(bin, as); err != nil {
		return nil, err
	}
	if err := s.run(bin, as); err != nil {
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

// programs finds the directory of the server's programs.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL's server programs (initdb, postgres) are not in PATH nor below /usr/lib/postgresql; " +
			"these tests need them: `make deps`, or apt-get install postgresql")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // what is no number comes first
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// unprivileged gives the directory to the user postgres where we are root, as whom PostgreSQL refuses
// to run, and returns how a program is run as that user.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{Setpgid: true}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errUID, errGID, os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(as *syscall.SysProcAttr, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, as
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	return cmd
}

func (s *Server) initialise(bin string, as *syscall.SysProcAttr) error {
	cmd := s.command(as, filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, s.log)
	}
	return nil
}

// keeper runs a server until its own standard input ends, which it does when the test's process is
// gone: nobody could stop the server then.
const keeper = `"$@" </dev/null & read -r _; kill -INT $!; wait $!`

func (s *Server) run(bin string, as *syscall.SysProcAttr) error {
	cmd := s.command(as, "/bin/sh", "-c", keeper, "sh", filepath.Join(bin, "postgres"), "-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=64MB", "-c", "max_connections=200",
		"-c", "deadlock_timeout=100ms", "-c", "log_min_messages=fatal", "-c", "max_wal_size=2GB", "-c", "log_min_error_statement=panic")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.stop = stdin
	go func() { s.ended <- cmd.Wait() }()
	return s.await()
}

// await returns when the server answers, or has ended.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres", "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case ended := <-s.ended:
			s.ended <- ended
			return fmt.Errorf("it has ended: %w\n%s", ended, s.log)
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// Stop ends the server, with all connections to it, and removes its files.
func (s *Server) Stop() error {
	var err error
	if s.stop != nil {
		err = errors.Join(s.stop.Close(), <-s.ended)
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Server) url(user, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", user, database, url.QueryEscape(s.dir))
}

func (s *Server) admin(statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.url("postgres", "postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

func (s *Server) makeTemplate() error {
	for _, statement := range []string{"CREATE ROLE " + owner + " LOGIN CREATEDB", "CREATE DATABASE " + template + " OWNER " + owner} {
		if err := s.admin(statement); err != nil {
			return err
		}
	}
	l, err := postgres.Open(context.Background(), s.url(owner, template))
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
	return s.url(owner, name)
}
