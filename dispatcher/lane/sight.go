package lane

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

const (
	// beatEvery is how often a lane that has batches in hand makes sure that it hears of pauses.
	beatEvery = 500 * time.Millisecond
	// beatTimeout is how long a beat may take before it is taken for lost.
	beatTimeout = time.Second
	// watchTime is what a watch is given to bring the first mark before it is begun anew.
	watchTime = 3 * time.Second
)

// sight is as of when a lane knows which updates are paused. It puts a mark into the control bucket,
// next to the pauses: when the mark comes back through the watch that brings the pauses, in their
// order, so has every pause that was there when the mark was sent. It is safe for concurrent use.
type sight struct {
	asOf   atomic.Pointer[time.Time]
	wanted chan struct{} // holds one element when somebody wants to know

	mu      sync.Mutex
	mark    string    // that of the beat under way
	sent    time.Time // when it was
	renewed chan struct{}
	rewatch context.CancelFunc // ends the watch, to be begun anew
	watched time.Time          // since when there is this watch
}

func newSight() *sight {
	return &sight{wanted: make(chan struct{}, 1), renewed: make(chan struct{}), rewatch: func() {}}
}

// want has the lane make sure at once.
func (s *sight) want() {
	if s == nil {
		return
	}
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// next is closed when the lane knows more.
func (s *sight) next() <-chan struct{} {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewed
}

// begin makes the mark of the next beat.
func (s *sight) begin() (mark string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark, s.sent = rand.Text(), time.Now()
	return s.mark
}

// hear takes a mark that came back. Only that of the beat under way counts.
func (s *sight) hear(mark []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mark == "" || string(mark) != s.mark {
		return
	}
	sent := s.sent
	s.asOf.Store(&sent)
	s.mark = ""
	close(s.renewed)
	s.renewed = make(chan struct{})
}

func (s *sight) watchedBy(again context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rewatch, s.watched = again, time.Now()
}

// watchAnew has the watch begun anew, unless it has only just been.
func (s *sight) watchAnew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.watched) >= watchTime {
		s.rewatch()
	}
}

// beat keeps the sight of pauses fresh while there are batches in hand, until ctx ends.
func (l *Lane) beat(ctx context.Context) {
	for {
		select {
		case <-l.sight.wanted:
		case <-ctx.Done():
			return
		}
		for l.busy() && l.beatOnce(ctx) {
		}
	}
}

// beatOnce makes sure once, and waits until it is time to do so again; it reports whether ctx has not
// ended. If the mark was stored and does not come back, the watch is most likely broken: it is begun anew.
func (l *Lane) beatOnce(ctx context.Context) bool {
	next := time.NewTimer(beatEvery)
	defer next.Stop()
	seen := l.sight.next()
	mark := l.sight.begin()
	try, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	if err := l.Control.PutControl(try, bus.BeatKey(l.Channel), []byte(mark)); err == nil {
		select {
		case <-seen:
		case <-try.Done():
			if ctx.Err() == nil {
				l.sight.watchAnew()
			}
		}
	}
	select {
	case <-next.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *Lane) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.active) > 0
}
