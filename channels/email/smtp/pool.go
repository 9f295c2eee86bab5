package smtp

import (
	"sync"
	"time"
)

// pool keeps the sessions that no Send is using. There are never more of them than Sends have been
// under way at once, so the lane's concurrency bounds it. Safe for concurrent use.
type pool struct {
	idle time.Duration // how long a session is kept

	mu       sync.Mutex
	sessions []*session // longest idle first
	reaper   *time.Timer
	quitting sync.WaitGroup
}

// take returns the session that was used last, since that is the one likeliest to be alive, or nil.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.sessions)
	if n == 0 {
		return nil
	}
	s := p.sessions[n-1]
	p.sessions = p.sessions[:n-1]
	return s
}

// put keeps a session for later, unless it is broken.
func (p *pool) put(s *session) {
	if s.broken {
		s.drop()
		return
	}
	s.idleSince = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions = append(p.sessions, s)
	if len(p.sessions) == 1 {
		p.reapIn(p.idle)
	}
}

func (p *pool) reapIn(d time.Duration) {
	if p.reaper == nil {
		p.reaper = time.AfterFunc(d, p.reap)
		return
	}
	p.reaper.Reset(d)
}

// reap quits the sessions that have been idle for too long, so that we, and not the relay, decide
// when one ends.
func (p *pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.sessions) && time.Since(p.sessions[n].idleSince) >= p.idle {
		n++
	}
	p.quit(p.sessions[:n])
	p.sessions = append(p.sessions[:0], p.sessions[n:]...)
	if len(p.sessions) > 0 {
		p.reapIn(p.idle - time.Since(p.sessions[0].idleSince))
	}
}

// quit ends sessions side by side, without waiting.
func (p *pool) quit(sessions []*session) {
	for _, s := range sessions {
		p.quitting.Go(s.quit)
	}
}

// close quits all sessions and waits for that, at most about a second.
func (p *pool) close() {
	p.mu.Lock()
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.quit(p.sessions)
	p.sessions = nil
	p.mu.Unlock()
	p.quitting.Wait()
}
