package inbox

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bound how often each customer asks: five times a second, after a burst of twenty.
type limits struct {
	mu  sync.Mutex
	all map[string]*limit
}

type limit struct {
	*rate.Limiter
	used time.Time
}

const (
	requestsPerSecond = 5
	requestsAtOnce    = 20
	// idleAfter is when a customer's limit is forgotten: it is full again by then.
	idleAfter = time.Minute
)

func newLimits() *limits { return &limits{all: map[string]*limit{}} }

func (l *limits) allow(customer string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.all[customer]
	if one == nil {
		one = &limit{Limiter: rate.NewLimiter(requestsPerSecond, requestsAtOnce)}
		l.all[customer] = one
	}
	one.used = now
	return one.AllowN(now, 1)
}

func (l *limits) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for customer, one := range l.all {
		if now.Sub(one.used) > idleAfter {
			delete(l.all, customer)
		}
	}
}
