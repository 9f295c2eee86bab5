package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// drainTimeout is how long a process may take to stop in order, some more than Tocsin takes at most.
	drainTimeout = 45 * time.Second
	// restartAfter is how soon a process that ended by itself is started again, as systemd would.
	restartAfter = time.Second
)

// process is one of the drill's programs: it is started again whenever it ends unasked. It stops when
// its standard input closes, and so never outlives us. Safe for concurrent use.
type process struct {
	name string
	path string // of the program
	args []string
	log  string // file of what it says on its error output
	said func(line string)

	mu     sync.Mutex
	wanted bool
	down   chan struct{} // closed when it is wanted no more
	life   *life         // the newest, nil before the first
	lives  int
	unhurt int // how often it ended unasked
}

// life is one time that a process runs.
type life struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	killed bool          // by us, so its end is no news
	ended  chan struct{} // closed when it has
	err    error
}

// up starts the process and keeps it running until down, kill or term.
func (p *process) up() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted {
		return nil
	}
	p.wanted, p.down = true, make(chan struct{})
	return p.begin()
}

// begin starts a life; the lock is held.
func (p *process) begin() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	l := &life{cmd: exec.Command(p.path, append(p.args, "--until-stdin-closes")...), ended: make(chan struct{})}
	// A group of its own: an interrupt at the terminal is for us, who then stop it in order.
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	l.cmd.Stderr = log
	stdout, err := l.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := l.cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.life = l
	p.lives++
	go p.watch(l, stdout)
	return nil
}

// watch reads what a life says, and starts the next one if it ends unasked.
func (p *process) watch(l *life, stdout io.Reader) {
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); err == nil && p.said != nil {
		p.said(strings.TrimSpace(line))
	}
	_, _ = io.Copy(io.Discard, out)
	l.err = l.cmd.Wait()
	close(l.ended)
	p.mu.Lock()
	again, down := p.wanted && p.life == l, p.down
	if again && !l.killed {
		p.unhurt++
	}
	p.mu.Unlock()
	if !again {
		return
	}
	select {
	case <-time.After(restartAfter):
	case <-down:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted && p.life == l {
		_ = p.begin() // an error would be that there is no program any more
	}
}

// kill ends the process as the power does, and leaves it so until up.
func (p *process) kill() {
	l := p.unwanted()
	if l == nil {
		return
	}
	_ = l.cmd.Process.Kill() // also one that is frozen; it may have ended already
	<-l.ended
	_ = l.stdin.Close()
}

// term tells the process to stop and waits until it has, not for ever; it says whether it stopped by
// itself. It leaves it so until up.
func (p *process) term() (inTime bool) {
	l := p.unwanted()
	if l == nil {
		return true
	}
	_ = l.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-l.ended:
		inTime = true
	case <-timer.C:
		_ = l.cmd.Process.Kill()
		<-l.ended
	}
	_ = l.stdin.Close()
	return inTime
}

func (p *process) unwanted() *life {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted {
		close(p.down)
	}
	p.wanted = false
	if p.life != nil {
		p.life.killed = true
	}
	return p.life
}

// signal freezes (SIGSTOP) or thaws (SIGCONT) the process.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != nil {
		_ = p.life.cmd.Process.Signal(s)
	}
}

// endedUnasked is how often the process ended though nobody had told or killed it.
func (p *process) endedUnasked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unhurt
}

// failed says why a process can't be what it should, in its own last words.
func (p *process) failed(err error) error {
	if last := lastLine(p.log); last != "" {
		return fmt.Errorf("%s: %w; its log ends with: %s", p.name, err, last)
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

func lastLine(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return lines[len(lines)-1]
}

// program makes a process of this program's own.
func (s *stage) program(name string, args ...string) *process {
	return &process{name: name, path: s.Self, args: args, log: filepath.Join(s.dir, name+".log")}
}

// await calls holds until it returns nil or the time is over.
func await(ctx context.Context, within time.Duration, holds func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := holds(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited for %v in vain", within), last)
		}
	}
}
