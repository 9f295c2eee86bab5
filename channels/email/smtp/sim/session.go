package sim

import (
	"bytes"
	"context"
	"crypto/subtle"
	"io"
	"net"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// reply makes an answer with an enhanced status code (RFC 3463).
func reply(code int, class, subject, detail int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: text}
}

// session is one client's connection. go-smtp calls it from one goroutine.
type session struct {
	ctx   context.Context // of the server
	relay Relay
	desk  *sandbox.Desk
	conn  net.Conn

	authenticated bool
	eightBit      bool
	recipients    []string
	message       bytes.Buffer
	checker       *checker
}

func newSession(ctx context.Context, r Relay, d *sandbox.Desk, c *smtp.Conn) (*session, error) {
	if d.Conduct().Mode == sandbox.Unavailable {
		return nil, outOfOrder()
	}
	return &session{ctx: ctx, relay: r, desk: d, conn: c.Conn(), checker: newChecker()}, nil
}

func outOfOrder() *smtp.SMTPError {
	return reply(421, 4, 3, 2, "System not accepting network messages")
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if mechanism != sasl.Plain {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(_, username, password string) error {
		same := subtle.ConstantTimeCompare([]byte(username+"\x00"+password), []byte(Username+"\x00"+Password))
		if same != 1 {
			return smtp.ErrAuthFailed
		}
		s.authenticated = true
		return nil
	}), nil
}

func (s *session) Reset() {
	s.recipients = s.recipients[:0]
	s.message.Reset()
	s.eightBit = false
}

func (s *session) Logout() error { return nil }

func (s *session) Mail(_ string, opts *smtp.MailOptions) error {
	switch s.desk.Conduct().Mode {
	case sandbox.Unavailable:
		return outOfOrder()
	case sandbox.RateLimited:
		return reply(450, 4, 7, 1, "Rate limit exceeded, try again later")
	}
	if s.relay.RequireAuth && !s.authenticated {
		return reply(530, 5, 7, 0, "Authentication required")
	}
	s.eightBit = opts.Body == smtp.Body8BitMIME
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.desk.Fate(to).Refused {
		s.desk.Take(to, "")
		return reply(550, 5, 1, 1, "<"+to+">: Recipient address rejected: User unknown")
	}
	s.recipients = append(s.recipients, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	if _, err := s.message.ReadFrom(r); err != nil {
		return err
	}
	if s.gate() == sandbox.Hanging {
		return outOfOrder() // the client has gone, or the server ends
	}
	if len(s.recipients) != 1 {
		return faulty("more than one recipient")
	}
	to := s.recipients[0]
	text, err := s.checker.check(s.message.Bytes(), to, s.eightBit)
	if err != nil {
		return err
	}
	fate := s.desk.Take(to, text)
	if fate.Refused {
		return reply(550, 5, 1, 1, "User unknown")
	}
	s.desk.Follow(to, fate, nil)
	return nil
}

// gate passes the desk's gate. While the relay hangs, it also ends when the client hangs up, of
// which the next read tells; what a client sends meanwhile is of no use any more.
func (s *session) gate() sandbox.Mode {
	if s.desk.Conduct().Mode != sandbox.Hanging {
		return s.desk.Gate(s.ctx)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, s.conn)
	}()
	mode := s.desk.Gate(ctx)
	_ = s.conn.Close()
	return mode
}
