package smtp

import (
	"context"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email"
)

// relay is the Sender. It also is a channels.Prober and a channels.Listener.
type relay struct {
	dialer     dialer
	letterhead letterhead
	pool       pool
	now        func() time.Time
}

// New makes the Sender from its configuration.
func New(decode func(any) error, _ channels.Env) (channels.Sender, error) {
	c, err := readConfig(decode)
	if err != nil {
		return nil, err
	}
	return newRelay(c), nil
}

func newRelay(c config) *relay {
	return &relay{
		dialer:     dialer{c},
		letterhead: newLetterhead(c),
		pool:       pool{idle: c.IdleTimeout},
		now:        time.Now,
	}
}

// Send gives m to the relay. Ack.ID is the relay's queue id, where its answer names one.
//
// A session from the pool may have been closed by the relay since its last use. That shows before
// the message is begun, when nothing can have been accepted, and then a new session is opened, once.
func (r *relay) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	to, err := email.CheckAddress(m.Address)
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.InvalidAddress, Code: "syntax", Err: err}
	}
	if err := ctx.Err(); err != nil {
		return channels.Ack{}, openingError(ctx, err)
	}
	if s := r.pool.take(); s != nil {
		ack, f := r.sendOn(ctx, s, m, to)
		if f == nil {
			return ack, nil
		}
		if !f.stale() || ctx.Err() != nil {
			return channels.Ack{}, f.classify(ctx, to)
		}
	}
	s, err := r.dialer.open(ctx)
	if err != nil {
		return channels.Ack{}, err
	}
	ack, f := r.sendOn(ctx, s, m, to)
	if f != nil {
		return channels.Ack{}, f.classify(ctx, to)
	}
	return ack, nil
}

// sendOn sends m on s, and puts s into the pool.
func (r *relay) sendOn(ctx context.Context, s *session, m channels.Message, to string) (channels.Ack, *failure) {
	release := s.guard(ctx)
	answer, f := r.deliver(s, m, to)
	if !release() {
		s.drop()
	}
	r.pool.put(s)
	if f != nil {
		return channels.Ack{}, f
	}
	return channels.Ack{ID: queueID(answer), Proof: channels.Accepted}, nil
}

// deliver writes m, signs it, and delivers it on s.
func (r *relay) deliver(s *session, m channels.Message, to string) (string, *failure) {
	s.message.Reset()
	r.letterhead.write(&s.message, m, to, r.now())
	if err := s.signers.sign(&s.message); err != nil {
		return "", &failure{stepSign, err}
	}
	finish(&s.message)
	return s.deliver(envelope{from: r.letterhead.sender(m.Ref), to: to, id: m.Ref})
}

// Ways are those in which bounces come in.
func (r *relay) Ways() []channels.Way { return r.dialer.c.Bounces.Ways(r.dialer.c.addresses()) }

// Probe opens a session: it tells whether the relay can be reached, greets us, and takes our
// credentials. The session is kept for the next message.
func (r *relay) Probe(ctx context.Context) error {
	s, err := r.dialer.open(ctx)
	if err != nil {
		return err
	}
	r.pool.put(s)
	return nil
}

// Close quits all sessions, within about a second.
func (r *relay) Close() error {
	r.pool.close()
	return nil
}

// queueID finds the id under which the relay knows a message in the text of its acceptance. There is
// no standard for it; these are the forms of Postfix ("queued as 4F1"), Exim ("OK id=1rK-0") and
// Amazon SES ("Ok 010f-1c").
func queueID(text string) string {
	for _, before := range []string{"queued as ", "id=", "Ok "} {
		if _, rest, ok := strings.Cut(text, before); ok {
			id, _, _ := strings.Cut(rest, " ")
			if isQueueID(id) {
				return id
			}
		}
	}
	return ""
}

// isQueueID tells an id from a word of prose: it has a digit, and nothing that an address needs.
func isQueueID(s string) bool {
	digit := false
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit = digit || '0' <= c && c <= '9'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return digit && len(s) <= 128
}
