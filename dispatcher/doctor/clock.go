package doctor

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// By how much our clock may differ from a provider's. Beyond doubtful, deadlines and reports read oddly;
// beyond wrong, updates are refused as coming from the future, and signatures with a replay window as old.
const (
	doubtful = 10 * time.Second
	wrong    = 2 * time.Minute
)

// Watch compares our clock with those of the servers that a client talks to, by the Date header of their
// answers (RFC 9110, section 6.6.1). It is safe for concurrent use.
type Watch struct {
	next http.RoundTripper
	now  func() time.Time

	mu   sync.Mutex
	seen bool
	// ahead is how far their clock is ahead of ours, by their last answer, give or take slack.
	ahead, slack time.Duration
	expires      time.Time // when the certificate of the last server does, zero without one
}

// NewWatch returns a watch over what goes through next. now is our clock.
func NewWatch(next http.RoundTripper, now func() time.Time) *Watch {
	return &Watch{next: next, now: now}
}

// RoundTrip implements http.RoundTripper.
func (w *Watch) RoundTrip(req *http.Request) (*http.Response, error) {
	asked := w.now()
	resp, err := w.next.RoundTrip(req)
	if err == nil {
		w.note(resp.Header.Get("Date"), asked, w.now())
		w.noteCertificate(resp.TLS)
	}
	return resp, err
}

// CloseIdleConnections passes on that they are not needed any more.
func (w *Watch) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (w *Watch) note(date string, asked, answered time.Time) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return
	}
	took := answered.Sub(asked)
	w.mu.Lock()
	defer w.mu.Unlock()
	// The header has whole seconds: on average it is half a second old.
	w.seen, w.ahead = true, theirs.Add(time.Second/2).Sub(asked.Add(took/2))
	w.slack = took/2 + time.Second/2
}

// Findings judges the difference; none if no server has told its time.
func (w *Watch) Findings() []Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.seen {
		return nil
	}
	return []Finding{clockFinding(w.ahead, w.slack)}
}

func clockFinding(ahead, slack time.Duration) Finding {
	f := Finding{About: "clock", Level: OK, Text: "ours and the provider's agree"}
	off := ahead.Abs() - slack
	if off <= doubtful {
		return f
	}
	side := "behind"
	if ahead < 0 {
		side = "ahead of"
	}
	f.Level = Warning
	if off > wrong {
		f.Level = Fault
	}
	f.Text = fmt.Sprintf("this machine's is %s %s the provider's", ahead.Abs().Round(time.Second), side)
	f.Mend = "synchronise this machine's clock (timedatectl set-ntp true): signatures, deadlines and the order of updates go by it; if all other providers agree with it, it is the provider's that is wrong"
	return f
}
