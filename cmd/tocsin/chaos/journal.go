package chaos

import (
	"slices"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// journal is what the drill did: faults, updates, orders. Safe for concurrent use.
type journal struct {
	mu        sync.Mutex
	faults    []inflicted
	published map[string]published // by event id
	orders    []ledger.Order
	dropped   int // faults that found their target busy
}

// inflicted is a fault as it was.
type inflicted struct {
	Fault
	From, To time.Time
}

// published is an update that Tocsin has taken.
type published struct {
	incident.Update
	At   time.Time
	Calm bool // closed before the first fault
}

func (j *journal) fault(f inflicted) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.faults = append(j.faults, f)
}

func (j *journal) drop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropped++
}

func (j *journal) publish(u incident.Update, calm bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.published == nil {
		j.published = map[string]published{}
	}
	j.published[u.EventID] = published{u, time.Now(), calm}
}

func (j *journal) order(o ledger.Order) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.orders = append(j.orders, o)
}

// recalls are the recalls that were ordered.
func (j *journal) recalls() (all []ledger.Order) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, o := range j.orders {
		if o.Verb == ledger.Recall {
			all = append(all, o)
		}
	}
	return all
}

// filled reports whether a stream was full at any time.
func (j *journal) filled(stream string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.faults, func(f inflicted) bool { return f.Kind == FullStream && f.Target == stream })
}
