package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// How event streams are timed, in machine time.
const (
	lookEvery = 500 * time.Millisecond // how often the ledger is asked, at most
	heartbeat = 15 * time.Second       // how often a silent stream says that it lives
	writeTime = 10 * time.Second       // how long a listener may take to read
)

// events streams what changes, as server-sent events (WHATWG HTML, section 9.2):
//
//	event: incidents    the list of /v1/incidents, at first and whenever something in it changed
//	event: rejections   {"newest": id} whenever another update was refused
//
// A listener that is slow skips what it missed: each event is the whole state.
func (s *Server) events(w http.ResponseWriter, r *http.Request, _ *Token) error {
	now, err := s.looks.look(r.Context())
	if err != nil {
		return fromLedger(err, "incident")
	}
	s.Metrics.listeners.Inc()
	defer s.Metrics.listeners.Dec()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx before us
	unlimited(w)
	s.stream(r.Context(), &listener{w: w, control: http.NewResponseController(w)}, now)
	return nil
}

// stream tells a listener what changes until either side ends.
func (s *Server) stream(ctx context.Context, l *listener, now *view) {
	tick, beat := time.NewTicker(lookEvery/2), time.NewTicker(heartbeat)
	defer tick.Stop()
	defer beat.Stop()
	for {
		if l.tell(now) != nil {
			return
		}
		select {
		case <-tick.C:
		case <-beat.C:
			if l.write(": still here\n\n") != nil {
				return
			}
		case <-s.ended:
			return
		case <-ctx.Done():
			return
		}
		next, err := s.looks.look(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.Log.WarnContext(ctx, "events: the ledger could not be asked", "error", err)
			}
			return // the listener connects again, and is told then if it still can't be
		}
		now = next
	}
}

// listener is one event stream's other side.
type listener struct {
	w       http.ResponseWriter
	control *http.ResponseController
	told    *view
}

// tell writes what is new in a view.
func (l *listener) tell(now *view) error {
	var text []byte
	if l.told == nil || l.told.changes != now.changes {
		text = fmt.Appendf(text, "event: incidents\ndata: %s\n\n", now.incidents)
	}
	if l.told == nil || l.told.rejection != now.rejection {
		text = fmt.Appendf(text, "event: rejections\ndata: {\"newest\":%d}\n\n", now.rejection)
	}
	l.told = now
	if len(text) == 0 {
		return nil
	}
	return l.write(string(text))
}

func (l *listener) write(text string) error {
	_ = l.control.SetWriteDeadline(time.Now().Add(writeTime)) // a server without deadlines does without
	if _, err := l.w.Write([]byte(text)); err != nil {
		return err
	}
	return l.control.Flush()
}

// view is what all listeners are told. It doesn't change once made.
type view struct {
	incidents []byte // JSON without line breaks
	changes   int    // counts how often incidents changed
	rejection int64  // the newest refused update
}

// looks lets all listeners share one look at the ledger. Nothing runs while there are none.
type looks struct {
	ledger Reader
	mu     sync.Mutex // held while looking
	at     time.Time
	last   *view
}

// look returns what there is to see, at most lookEvery old.
func (l *looks) look(ctx context.Context) (*view, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil && time.Since(l.at) < lookEvery {
		return l.last, nil
	}
	next, err := read(ctx, l.ledger)
	if err != nil {
		return nil, err
	}
	l.at = time.Now()
	if l.last != nil {
		next.changes = l.last.changes
		if !bytes.Equal(next.incidents, l.last.incidents) {
			next.changes++
		}
	}
	l.last = next
	return next, nil
}

func read(ctx context.Context, l Reader) (*view, error) {
	all, err := l.Incidents(ctx, defaultLimit)
	if err != nil {
		return nil, err
	}
	rejections, err := l.Rejections(ctx, 1)
	if err != nil {
		return nil, err
	}
	v := &view{}
	if len(rejections) > 0 {
		v.rejection = rejections[0].ID
	}
	v.incidents, err = json.Marshal(orEmpty(all))
	return v, err
}
