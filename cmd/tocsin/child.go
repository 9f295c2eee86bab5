package main

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
	"syscall"
	"time"
)

// stopTimeout bounds how long a child may take to stop before it is killed.
const stopTimeout = 15 * time.Second

// child is this program, run once more as a process of its own. It stops when its standard input
// closes, and so never outlives us, however we end.
type child struct {
	name  string
	log   string // file of what it says on its error output
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when it has ended, err then says how
	err   error
}

// startChild starts `tocsin args… --until-stdin-closes`, and returns with the first line that it says.
func startChild(ctx context.Context, name, dir string, args ...string) (*child, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("starting the %s: %w", name, err)
	}
	ch := &child{name: name, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	ch.cmd = exec.Command(self, append(args, "--until-stdin-closes")...)
	// A group of its own: an interrupt at the terminal is for us, who then stop it in order.
	ch.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said, err := ch.start()
	if err != nil {
		return nil, "", fmt.Errorf("starting the %s: %w", name, err)
	}
	select {
	case line := <-said:
		if line != "" {
			return ch, line, nil
		}
		return nil, "", ch.failed(ch.stop())
	case <-ctx.Done():
		return nil, "", errors.Join(ctx.Err(), ch.stop())
	}
}

// start runs the process. The first line that it says, "" if it ends before, comes on the channel.
func (ch *child) start() (<-chan string, error) {
	log, err := os.OpenFile(ch.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	ch.cmd.Stderr = log
	stdout, err := ch.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if ch.stdin, err = ch.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := ch.cmd.Start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go func() {
		out := bufio.NewReader(stdout)
		line, _ := out.ReadString('\n')
		said <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, out)
		ch.err = ch.cmd.Wait()
		close(ch.ended)
	}()
	return said, nil
}

// stop ends the process, in order if it can be, and returns when it has ended.
func (ch *child) stop() error {
	if ch == nil {
		return nil
	}
	_ = ch.stdin.Close() // it may have ended already
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-ch.ended:
		return ch.err
	case <-timer.C:
		_ = ch.cmd.Process.Kill()
		<-ch.ended
		return fmt.Errorf("the %s did not stop within %v and was killed", ch.name, stopTimeout)
	}
}

// failed says why a child ended that should not have, in its own words.
func (ch *child) failed(err error) error {
	raw, readErr := os.ReadFile(ch.log)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	last := strings.TrimPrefix(lines[len(lines)-1], "tocsin: ")
	if readErr != nil || last == "" {
		return fmt.Errorf("the %s ended: %w", ch.name, err)
	}
	return fmt.Errorf("the %s ended: %s", ch.name, last)
}
