// Package pgserver runs a private PostgreSQL server, from the programs that are installed (Debian:
// apt-get install postgresql), for tests and for drills on one's own machine. Where there are none,
// making one fails and says so.
package pgserver

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
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL server of the caller's own: on a socket in its directory, with fsync off (it
// survives its own death, not the machine's), trusting everybody who may open the directory. It ends
// with the process that started it, however that ends. Its methods must not be called at the same time,
// but for URL and Admin.
type Server struct {
	dir, bin string
	as       *syscall.SysProcAttr
	running  *running // nil while it is down
	log      output
}

// running is one life of the server.
type running struct {
	stdin io.Closer // the keeper's standard input
	ended chan error
}

// output is what the programs said, kept for error messages.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() > 1<<20 {
		o.buf.Reset()
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// startTimeout bounds how long a server may take until it answers; two busy cores are slow.
const startTimeout = time.Minute

// New makes a server's data in a directory that exists, is nobody else's, and can be reached by the user
// postgres where we are root. Start it then.
func New(dir string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	if s.as, err = unprivileged(dir); err != nil {
		return nil, err
	}
	cmd := s.command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions")
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, &s.log)
	}
	return s, nil
}

// programs finds the directory of the server's programs.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL's server programs (initdb, postgres) are not in PATH nor below /usr/lib/postgresql; " +
			"they are needed here: `make deps`, or apt-get install postgresql")
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

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	return cmd
}

// keeper runs a server until its own standard input ends, which it does when the process that started
// it is gone: nobody could stop the server then.
const keeper = `"$@" </dev/null & read -r _; kill -INT $! 2>/dev/null; wait $!`

// Start starts the server, on what it had stored, and returns when it answers. After a Kill the system
// may need a moment until nothing is left of the life before: it tries until then.
func (s *Server) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.startOnce(ctx)
		if err == nil || ctx.Err() != nil || !errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

var errEnded = errors.New("it has ended")

func (s *Server) startOnce(ctx context.Context) error {
	cmd := s.command("/bin/sh", "-c", keeper, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=64MB", "-c", "max_connections=200",
		"-c", "deadlock_timeout=100ms", "-c", "log_min_messages=fatal", "-c", "max_wal_size=2GB", "-c", "log_min_error_statement=panic")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := &running{stdin: stdin, ended: make(chan error, 1)}
	s.running = r
	go func() { r.ended <- cmd.Wait() }()
	if err := s.await(ctx); err != nil {
		return errors.Join(err, s.Stop())
	}
	return nil
}

// await returns when the server answers, or has ended.
func (s *Server) await(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	seen := false
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres", "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		pid, pidErr := s.pid()
		switch alive := pidErr == nil && syscall.Kill(pid, 0) == nil; {
		case alive:
			seen = true
		case seen: // there was a server, and there is none any more
			return fmt.Errorf("%w: %w\n%s", errEnded, err, &s.log)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w\n%s", err, &s.log)
		case <-tick.C:
		}
	}
}

// pid is the process id of the server that runs on the data, or did.
func (s *Server) pid() (int, error) {
	raw, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}

// Kill ends the server as kill -9 does. Its clients' processes notice and end, too.
func (s *Server) Kill() error {
	pid, err := s.pid()
	if err != nil {
		return fmt.Errorf("killing PostgreSQL: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing PostgreSQL: %w", err)
	}
	_ = s.Stop() // the keeper ends with the server's status: killed
	return nil
}

// Stop ends the server in order, with all connections to it. Its files stay.
func (s *Server) Stop() error {
	r := s.running
	if r == nil {
		return nil
	}
	s.running = nil
	return errors.Join(r.stdin.Close(), <-r.ended)
}

// Socket is the path of the server's socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// URL is that of a database, for a user.
func (s *Server) URL(user, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", user, database, url.QueryEscape(s.dir))
}

// Admin runs a statement as the superuser.
func (s *Server) Admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres", "postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
