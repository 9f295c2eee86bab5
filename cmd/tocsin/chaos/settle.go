package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// quietTimeout bounds how long it may take until everything is settled.
const quietTimeout = 5 * time.Minute

// settle waits until everything that was published is closed, and returns how long that took.
func (s *stage) settle(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	var reported time.Time
	err := await(ctx, quietTimeout, func(ctx context.Context) error {
		open, err := s.unsettled(ctx)
		switch {
		case err != nil:
			return err
		case len(open) == 0:
			return nil
		case time.Since(reported) > 10*time.Second:
			reported = time.Now()
			s.say("waiting for quiet: %d updates are not closed", len(open))
		}
		return errors.New(strings.Join(open, "\n"))
	})
	took := time.Since(begun)
	if err == nil {
		s.say("quiet after %.1fs", took.Seconds())
		return took, nil
	}
	s.say("it does not become quiet: %v", err)
	s.nameOpen(ctx)
	return took, ErrFailed
}

// unsettled says which updates are not settled.
func (s *stage) unsettled(ctx context.Context) ([]string, error) {
	all, err := s.states(ctx)
	if err != nil {
		return nil, err
	}
	var open []string
	known := map[string]bool{}
	for _, k := range all {
		for i := range k.updates {
			u := &k.updates[i]
			known[u.Update.Update.EventID] = true
			if !settled(u) {
				open = append(open, fmt.Sprintf("update %d (%s of %s) is %s: %d of %d open", u.ID, u.Update.Update.EventID, k.key, u.State, u.Open, u.Audience))
			}
		}
	}
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	for id, p := range s.journal.published {
		if !known[id] {
			open = append(open, fmt.Sprintf("%s of %s/%s was taken at %s and is not in the ledger", id, p.Team, p.Incident, clock(p.At)))
		}
	}
	return open, nil
}

// settled reports whether nothing more becomes of an update.
func settled(u *ledger.KeptUpdate) bool {
	return u.State == ledger.Closed || u.State == ledger.NotAnnounced || u.State == ledger.Cancelled && u.Open == 0
}

// nameOpen prints some of the rows that are open.
func (s *stage) nameOpen(ctx context.Context) {
	b, err := s.openBooks(ctx)
	if err != nil {
		s.say("%v", err)
		return
	}
	const most = 20
	shown := 0
	for _, k := range b.incidents {
		for i := range k.rows {
			n := &k.rows[i]
			if n.Outcome != notification.Open || shown >= most {
				continue
			}
			shown++
			a := &n.Attempt
			s.say("open: notification %d of update %d for %s: step %d of %v, try %d on %s is %v since %s, batch %d, stop %d",
				n.ID, n.Update, b.recipients[n.Recipient], a.Step, n.Steps, a.Try, a.Channel, a.State, clock(a.QueuedAt), a.Batch, n.Stop)
		}
	}
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
