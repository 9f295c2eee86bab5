// Package chaos is a drill of Tocsin's own: it runs the real programs, lets customers be told of made-up
// incidents, and does to the programs what nights do to them: kills, freezes, cuts, fills, while the
// providers refuse, lose and delay. Then it heals everything, waits until all is quiet, and holds the
// ledger and what the providers took to what Tocsin promises: nobody lost, repeats within the bound, no
// stale news, consent kept, what was recalled taken back.
//
// There are two set-ups. On the cluster, three NATS servers and PostgreSQL stand behind several
// processes of each role; embedded, one process does everything on a file, and is killed again and again.
//
// The witness is the sandbox, in a process of its own that is never hurt: it keeps every message that a
// simulated provider took. Updates have marks in their texts, so that what was taken can be joined to
// what the ledger says, by address and mark.
//
// # Repeats
//
// A repeat is a second message of the same update to the same customer on the same channel. Each must be
// explained by a crash: a fault by which the process died that held the channel's lane then (or froze, or
// was cut off from NATS), or by which NATS itself lost a server or all room. The first of the two messages
// must have been taken in the five seconds before that crash (so soon a lane has on record what became of an
// attempt), or while the fault lasted and until all works again. For a kill that is no longer than a slow
// provider may take; a stop in order is no crash, unless it had to be a kill in the end, or RESULTS was
// full. Time in which RESULTS was full before a crash counts as well, since nothing can be recorded then.
//
// A crash explains no more repeats on a channel than there were such messages, and no more than a window
// of each batch that a lane may hold. Of updates whose doubts are not to be repeated, and before the first
// fault, nothing explains any. The sum of what crashes can have left in doubt is printed beside what was
// seen.
//
// # Recalls
//
// Operators recall updates that were told, or are being told. Once all is quiet, the drill waits until the
// providers have answered; where RECALLS was full, it gives the orders again, as operators are told to. Each
// message of a recalled update that has a name in the ledger, on a channel that can, must be taken back or kept
// then, none of any other update, and at each address the sandbox must count as many taken back as the ledger. A
// message without a name stays: only a crash, or a provider that was out of order, may leave one.
//
// What goes wrong and when is made of a seed, and is the same for the same seed and duration; what comes
// of it is not, since that depends on the machine.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Adapter is a channel whose provider can be simulated.
type Adapter struct {
	Spec      channels.Spec
	Simulator sandbox.Simulator
}

// Setup is what the drill is held on.
type Setup string

// The set-ups.
const (
	Cluster  Setup = "cluster"
	Embedded Setup = "embedded"
)

// Options say what drill to hold.
type Options struct {
	Setup Setup
	// Duration is how long things go wrong.
	Duration time.Duration
	Seed     uint64
	// Customers is how many are made up.
	Customers int
	Adapters  []Adapter
	// Self is the path of the program that is run, as `serve`, `sandbox` and `chaos-node`.
	Self string
	// Keep leaves data and logs there also after success.
	Keep bool
	Out  io.Writer
}

// ErrFailed is that the drill was held to its end and a check failed; what was found has been printed.
var ErrFailed = errors.New("the drill has failed")

// Run holds a drill. On success it leaves nothing behind; else it says where data and logs are.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "tocsin-chaos-")
	if err != nil {
		return err
	}
	//nolint:gosec // the user postgres has to reach its own directory below; all others are closed
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	s := &stage{Options: o, dir: dir, begun: time.Now()}
	defer func() {
		if err == nil && !o.Keep {
			err = os.RemoveAll(dir)
			return
		}
		s.say("data and logs stay in %s", dir)
	}()
	s.say("drill on the %s set-up: %v of faults, %d customers, seed %d", o.Setup, o.Duration, o.Customers, o.Seed)
	if err := s.raise(ctx); err != nil {
		return errors.Join(err, s.fold())
	}
	err = s.drill(ctx)
	return errors.Join(err, s.fold())
}

// drill is the drill itself, on a stage that stands.
func (s *stage) drill(ctx context.Context) error {
	if err := s.importCustomers(ctx); err != nil {
		return err
	}
	if err := s.calm(ctx); err != nil {
		return err
	}
	told := s.tell(ctx)
	s.rage(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	s.heal(ctx)
	if err := <-told; err != nil {
		return err
	}
	quiet, err := s.settle(ctx)
	if err != nil {
		return err
	}
	quietAt := time.Now()
	recalled, err := s.settleRecalls(ctx)
	if err != nil {
		return err
	}
	return s.judge(ctx, quiet, quietAt, recalled)
}

// say prints a line with the time since the drill began.
func (s *stage) say(format string, args ...any) {
	s.printing.Lock()
	defer s.printing.Unlock()
	_, _ = fmt.Fprintf(s.Out, "%7.1fs  %s\n", time.Since(s.begun).Seconds(), fmt.Sprintf(format, args...))
}

// path is that of a file on the stage.
func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }
