package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script makes a process of a shell script, that says on a channel how it begins.
func script(t *testing.T, text string) (*process, <-chan string) {
	t.Helper()
	said := make(chan string, 10)
	p := &process{
		name: "script", path: "/bin/sh", args: []string{"-c", text}, log: filepath.Join(t.TempDir(), "script.log"),
		said: func(line string) { said <- line },
	}
	t.Cleanup(p.kill)
	if err := p.up(); err != nil {
		t.Fatal(err)
	}
	return p, said
}

func hear(t *testing.T, said <-chan string, want string) {
	t.Helper()
	select {
	case got := <-said:
		if got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not say %q", want)
	}
}

func TestProcessIsStartedAgainWhenItEndsUnasked(t *testing.T) {
	p, said := script(t, "echo here; echo why >&2; exit 1")
	hear(t, said, "here")
	hear(t, said, "here")
	p.kill()
	if n := p.endedUnasked(); n < 1 {
		t.Errorf("it ended unasked %d times, want once at least", n)
	}
	if err := p.failed(fmt.Errorf("it ended")); !strings.Contains(err.Error(), "why") {
		t.Errorf("%v, want its own last words", err)
	}
}

func TestProcessStopsInOrder(t *testing.T) {
	p, said := script(t, `trap 'exit 0' TERM; echo here; while :; do read -r _ || exit 0; done`)
	hear(t, said, "here")
	if !p.term() {
		t.Error("it did not stop")
	}
	if n := p.endedUnasked(); n != 0 {
		t.Errorf("it ended unasked %d times, and was told to", n)
	}
	if err := p.up(); err != nil {
		t.Fatal(err)
	}
	hear(t, said, "here")
	p.kill()
	p.kill() // what is down already stays so
}

func TestAwait(t *testing.T) {
	n := 0
	err := await(t.Context(), time.Minute, func(context.Context) error {
		if n++; n < 3 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("after %d looks: %v", n, err)
	}
	err = await(t.Context(), 150*time.Millisecond, func(context.Context) error { return fmt.Errorf("never") })
	if err == nil || !strings.Contains(err.Error(), "never") {
		t.Errorf("%v, want what was waited for", err)
	}
}
