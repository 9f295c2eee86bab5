package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// kept is an incident as the ledger has it.
type kept struct {
	key     ledger.IncidentKey
	updates []ledger.KeptUpdate
	rows    []notification.Notification
}

// books are both sides of what is to be compared: what the ledger says, and what the witness saw.
type books struct {
	incidents  []kept
	recipients map[int64]string // ids by numbers
	messages   []seen
	refused    map[place]bool
	takenBack  map[place]int // messages
	// repeated is how many attempts the ledger says were made although a crash had left them in doubt.
	repeated int64
	quiet    time.Time // when everything was closed
}

// last is when a provider took the last message.
func (b *books) last() (at time.Time) {
	for i := range b.messages {
		if b.messages[i].at.After(at) {
			at = b.messages[i].at
		}
	}
	return at
}

// place is where somebody is reached.
type place struct{ channel, address string }

// seen is a message that a provider took, joined to whom it was for and to which update.
type seen struct {
	place
	provider  string
	mark      string // of the update; "" if its text has none
	recipient string // "" if nobody has the address
	at        time.Time
	delivered bool
}

// reading runs f with the ledger open for reading.
func (s *stage) reading(ctx context.Context, f func(audit.Ledger) error) (err error) {
	l, done, err := app.OpenLedgerReadOnly(ctx, s.ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return f(l)
}

// states reads the updates of all incidents.
func (s *stage) states(ctx context.Context) (all []kept, err error) {
	err = s.reading(ctx, func(l audit.Ledger) error {
		return l.View(ctx, func(v ledger.View) error {
			keys, err := v.Incidents(ctx)
			if err != nil {
				return err
			}
			for _, k := range keys {
				us, err := v.KeptUpdates(ctx, k)
				if err != nil {
					return err
				}
				all = append(all, kept{key: k, updates: us})
			}
			return nil
		})
	})
	return all, err
}

// rowsAtOnce is how many rows are read at once.
const rowsAtOnce = 2000

// open reads all of the books.
func (s *stage) openBooks(ctx context.Context) (*books, error) {
	b := &books{recipients: map[int64]string{}, refused: map[place]bool{}, takenBack: map[place]int{}}
	var err error
	if b.incidents, err = s.states(ctx); err != nil {
		return nil, err
	}
	err = s.reading(ctx, func(l audit.Ledger) error {
		return l.View(ctx, func(v ledger.View) error {
			for i := range b.incidents {
				if err := b.read(ctx, v, &b.incidents[i]); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	whose := s.whose()
	for _, p := range s.providers() {
		if err := s.witness(ctx, b, p, whose); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// read reads an incident's rows, and who the recipients are.
func (b *books) read(ctx context.Context, v ledger.View, k *kept) error {
	var ids []int64
	for i := range k.updates {
		ids = append(ids, k.updates[i].ID)
		tallies, err := v.Tallies(ctx, k.updates[i].ID)
		if err != nil {
			return err
		}
		for _, t := range tallies {
			if t.What == ledger.Repeated {
				b.repeated += t.Count
			}
		}
	}
	for after := int64(0); ; {
		ns, next, err := v.NotificationsOf(ctx, ids, after, rowsAtOnce)
		if err != nil || len(ns) == 0 {
			return err
		}
		k.rows, after = append(k.rows, ns...), next
		var unknown []int64
		for i := range ns {
			if _, known := b.recipients[ns[i].Recipient]; !known {
				b.recipients[ns[i].Recipient] = ""
				unknown = append(unknown, ns[i].Recipient)
			}
		}
		rs, err := v.RecipientsKept(ctx, unknown)
		if err != nil {
			return err
		}
		for i := range rs {
			b.recipients[rs[i].Number] = rs[i].ID
		}
	}
}

// whose says who is reached where.
func (s *stage) whose() map[place]string {
	all := map[place]string{}
	for id, r := range s.customers {
		for _, a := range r.Addresses {
			all[place{a.Channel, a.Address}] = id
		}
	}
	return all
}

var marks = regexp.MustCompile(`Q[0-9]{5}Z`)

// witness reads what one provider was given.
func (s *stage) witness(ctx context.Context, b *books, provider string, whose map[place]string) error {
	channel := s.channelOf(provider)
	err := s.call(ctx, http.MethodGet, "/sandbox/messages/"+provider, nil, func(r io.Reader) error {
		return eachLine(r, func(m sandbox.Message) {
			at := place{channel, m.Address}
			b.messages = append(b.messages, seen{at, provider, marks.FindString(m.Text), whose[at], m.At, m.Delivered})
		})
	})
	if err != nil {
		return err
	}
	return s.call(ctx, http.MethodGet, "/sandbox/counts/"+provider, nil, func(r io.Reader) error {
		return eachLine(r, func(c struct {
			Address string `json:"address"`
			sandbox.Tally
		},
		) {
			if c.Refused > 0 {
				b.refused[place{channel, c.Address}] = true
			}
			if c.Recalled > 0 {
				b.takenBack[place{channel, c.Address}] += c.Recalled
			}
		})
	})
}

// eachLine reads JSON lines.
func eachLine[T any](r io.Reader, f func(T)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
		f(v)
	}
	return lines.Err()
}
