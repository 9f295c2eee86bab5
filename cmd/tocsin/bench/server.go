package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is the database's server, as far as it runs on this machine. A nil one has used nothing.
type server struct {
	postmaster string // process id, "" if the server is elsewhere
}

// findServer finds the server's processes. It fails if the database can't be reached.
func findServer(ctx context.Context, url string) (s *server, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var backend int
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	s = &server{}
	if p, ok := readProcess(strconv.Itoa(backend)); ok && p.name == "postgres" {
		s.postmaster = p.parent
	}
	return s, nil
}

// cpu is the CPU time of the server's processes, those that have ended included; 0 where it can't be known.
func (s *server) cpu() time.Duration {
	if s == nil || s.postmaster == "" {
		return 0
	}
	all, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	var sum time.Duration
	for _, dir := range all {
		if p, ok := readProcess(filepath.Base(dir)); ok && (p.parent == s.postmaster || filepath.Base(dir) == s.postmaster) {
			sum += p.used
		}
	}
	return sum
}

// process is what Linux says of a process (proc_pid_stat(5)). used is what it and its children that have
// ended have used.
type process struct {
	name, parent string
	used         time.Duration
}

// tick is the unit of CPU times in /proc, the same on all of Linux's platforms that Go runs on.
const tick = 10 * time.Millisecond

func readProcess(pid string) (p process, ok bool) {
	raw, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return p, false
	}
	_, rest, _ := strings.Cut(string(raw), "(")
	name, rest, _ := strings.Cut(rest, ") ")
	fields := strings.Fields(rest) // the first is the third of the manual page
	if len(fields) < 15 {
		return p, false
	}
	p = process{name: name, parent: fields[1]}
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return p, false
		}
		p.used += time.Duration(n) * tick
	}
	return p, true
}
