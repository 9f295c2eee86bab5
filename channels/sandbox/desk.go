package sandbox

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Desk is what the sandbox gives to one simulated provider: how to treat messages, where to count
// them, and how to call back later. Safe for concurrent use.
type Desk struct {
	provider string
	book     *book
	client   *http.Client
	inFlight chan struct{} // bounds concurrent callbacks

	mu      sync.RWMutex
	conduct Conduct

	ctx     context.Context // ends when the sandbox stops; callbacks are made under it
	pending sync.WaitGroup
}

// maxCallbacks bounds the callbacks that one provider makes at once.
const maxCallbacks = 256

// NewDesk makes the desk of one provider. It works until ctx ends; Wait then waits for the callbacks
// that were under way.
func NewDesk(ctx context.Context, provider string, c Conduct) *Desk {
	return &Desk{
		provider: provider,
		book:     newBook(),
		conduct:  c,
		ctx:      ctx,
		inFlight: make(chan struct{}, maxCallbacks),
		client: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: maxCallbacks, IdleConnTimeout: time.Minute},
		},
	}
}

// Conduct returns the conduct in force.
func (d *Desk) Conduct() Conduct {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.conduct
}

// SetConduct changes how messages are treated from now on.
func (d *Desk) SetConduct(c Conduct) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conduct = c
}

// Gate is passed by every request before anything else: it takes the provider's latency, and blocks
// until ctx ends while the provider hangs. It returns Working or Mute when the request is to be
// served, else the mode in which the simulator must answer.
func (d *Desk) Gate(ctx context.Context) Mode {
	c := d.Conduct()
	if c.Mode == Hanging {
		select {
		case <-ctx.Done():
		case <-d.ctx.Done():
		}
		return Hanging
	}
	if c.Latency > 0 {
		timer := time.NewTimer(time.Duration(c.Latency))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if c.Mode == "" {
		return Working
	}
	return c.Mode
}

// Fate says what happens to messages for an address, and counts nothing: for protocols that answer
// for the recipient before the message is there. Take then counts it, or its refusal.
func (d *Desk) Fate(address string) Fate { return d.Conduct().fate(d.provider, address) }

// Take decides what happens to a valid message and counts it: refused, or accepted.
func (d *Desk) Take(address, text string) Fate { return d.TakeReply(address, text, "") }

// TakeReply is Take for a message that follows another one in a thread: that with the provider's id to.
func (d *Desk) TakeReply(address, text, to string) Fate {
	f := d.Fate(address)
	if f.Refused {
		d.book.refuse(address)
	} else {
		d.book.accept(address, text, to, !f.Lost)
	}
	return f
}

// Follow plays what happens to an accepted message: it counts the delivery, and calls report for
// each thing that the provider would say, at its time. report may be nil for providers that say
// nothing, and is not called where reports are lost. Call it once the answer to the request is on its
// way.
func (d *Desk) Follow(address string, f Fate, report func(ctx context.Context, state string)) {
	if f.Refused {
		return
	}
	if !f.Lost {
		d.book.deliver(address)
	}
	if report == nil || f.Unreported {
		return
	}
	for _, r := range d.Conduct().reports(f) {
		d.later(r.After, func() { report(d.ctx, r.State) })
	}
}

// Recall counts that a message was taken back that had been accepted for the address. The simulator calls
// it once for each message that it takes away, not for one that is gone already.
func (d *Desk) Recall(address string) { d.book.recall(address) }

// Reports lists what the provider would say of a message with fate f, in the order in which it would
// say it: for those that can be asked.
func (d *Desk) Reports(f Fate) []Report { return d.Conduct().reports(f) }

func (d *Desk) later(after time.Duration, f func()) {
	d.mu.RLock() // with Wait: either it sees this one, or this one sees that the sandbox has stopped
	defer d.mu.RUnlock()
	if d.ctx.Err() != nil {
		return
	}
	d.pending.Go(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-d.ctx.Done():
			return
		}
		select {
		case d.inFlight <- struct{}{}:
		case <-d.ctx.Done():
			return
		}
		defer func() { <-d.inFlight }()
		f()
	})
}

// Call makes a callback, up to tries times while the far side can't be reached or answers 5xx.
// makeRequest is called anew for each try. It returns the last status, 0 if none came.
func (d *Desk) Call(ctx context.Context, tries int, makeRequest func() (*http.Request, error)) int {
	status := 0
	for try := range tries {
		if try > 0 {
			select {
			case <-time.After(time.Duration(try*try) * 50 * time.Millisecond):
			case <-ctx.Done():
				return status
			}
		}
		req, err := makeRequest()
		if err != nil {
			return 0
		}
		resp, err := d.client.Do(req.WithContext(ctx))
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if status = resp.StatusCode; status < 500 {
			return status
		}
	}
	return status
}

// Total returns what this provider counted over all addresses.
func (d *Desk) Total() Tally { return d.book.Total() }

// KeepMessages has every message kept whole that is taken from now on, and so grows with them.
func (d *Desk) KeepMessages() { d.book.keepMessages() }

// Messages returns the messages that were kept, in the order of their acceptance.
func (d *Desk) Messages() []Message { return d.book.kept() }

// Each calls f with what this provider counted for every address, in no order.
func (d *Desk) Each(f func(address string, t Tally)) { d.book.each(f) }

// Wait returns when no callback is under way or due. Once the sandbox has stopped there won't be
// any more, even where a request is still being served.
func (d *Desk) Wait() {
	d.mu.Lock()
	//lint:ignore SA2001 a barrier, see later
	d.mu.Unlock()
	d.pending.Wait()
	d.client.CloseIdleConnections()
}
