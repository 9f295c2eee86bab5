package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// hub wakes the streams of a customer. It is safe for concurrent use.
type hub struct {
	mu    sync.Mutex
	all   map[string]map[chan struct{}]bool
	open  int
	limit int
}

// perCustomer is how many streams one customer may have open: windows, devices.
const perCustomer = 8

func newHub(limit int) *hub { return &hub{all: map[string]map[chan struct{}]bool{}, limit: limit} }

// join returns a channel on which something new is told, and the function that ends it; nil where there are too many.
func (h *hub) join(customer string) (woken chan struct{}, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open >= h.limit || len(h.all[customer]) >= perCustomer {
		return nil, nil
	}
	if h.all[customer] == nil {
		h.all[customer] = map[chan struct{}]bool{}
	}
	woken = make(chan struct{}, 1)
	h.all[customer][woken] = true
	h.open++
	return woken, func() { h.leave(customer, woken) }
}

func (h *hub) leave(customer string, woken chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all[customer], woken)
	if len(h.all[customer]) == 0 {
		delete(h.all, customer)
	}
	h.open--
}

func (h *hub) wake(customer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for woken := range h.all[customer] {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
}

const (
	// heartbeat keeps proxies from ending a stream on which nothing is said.
	heartbeat = 20 * time.Second
	// writeWithin is how long an app may take to read.
	writeWithin = 10 * time.Second
	// longestStream ends a stream, so that a token that is over is noticed; the app comes again.
	longestStream = time.Hour
)

// stream sends a customer's notices as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
func (s *Server) stream(w http.ResponseWriter, r *http.Request, customer string) {
	woken, leave := s.hub.join(customer)
	if woken == nil {
		w.Header().Set("Retry-After", "30")
		refuse(w, http.StatusTooManyRequests, "too_many_streams")
		return
	}
	defer leave()
	p := position{gone: map[int64]bool{}}
	p.last, _ = strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64) // from the beginning, if it is none
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // a server's time for reading a request would end the stream
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	end := time.NewTimer(longestStream)
	defer end.Stop()
	event := "retry: 3000\n\n"
	for {
		events, all, err := s.news(r.Context(), customer, &p)
		if err != nil {
			return
		}
		event += events
		_ = c.SetWriteDeadline(time.Now().Add(writeWithin))
		if _, err := fmt.Fprint(w, event); err != nil || c.Flush() != nil {
			return
		}
		s.delivered(r, customer, all)
		event = ""
		select {
		case <-woken:
		case <-beat.C:
			event = ":\n\n"
		case <-end.C:
			return
		case <-s.over:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// position is how far a stream has come.
type position struct {
	last int64          // the newest notice that the app has
	gone map[int64]bool // those of which it was told that they were withdrawn
}

// news are the events that a stream has not told yet, and the notices among them.
func (s *Server) news(ctx context.Context, customer string, p *position) (events string, all []notice, err error) {
	all, err = s.store.of(ctx, customer, p.last, s.Now())
	if err != nil {
		return "", nil, err
	}
	for _, n := range all {
		events += eventOf(n)
		p.last = n.seq
	}
	withdrawn, err := s.store.withdrawn(ctx, customer, p.last)
	for _, seq := range withdrawn {
		if !p.gone[seq] {
			p.gone[seq] = true
			events += withdrawalOf(seq)
		}
	}
	return events, all, err
}

func eventOf(n notice) string {
	raw, err := json.Marshal(n)
	if err != nil {
		return "" // it was read from JSON
	}
	return "id: " + n.ID + "\nevent: notice\ndata: " + string(raw) + "\n\n"
}
