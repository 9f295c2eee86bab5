package smtp

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestSessionsAreUsedAgain(t *testing.T) {
	s := serve(t, sim.Relay{}, sandbox.Conduct{})
	r := newTestRelay(t, s, "")
	for range 50 {
		mustSend(t, r, testMessage("one-after-another"))
	}
	if n := s.listener.accepted.Load(); n != 1 {
		t.Errorf("50 messages one after another took %d connections, want 1", n)
	}
	const workers = 8
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range 25 {
				if _, err := send(t, r, testMessage("side-by-side")); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := s.listener.accepted.Load(); n > workers {
		t.Errorf("%d workers took %d connections, want no more than there are workers", workers, n)
	}
	if n := s.desk.Total().Accepted; n != 50+workers*25 {
		t.Errorf("the relay accepted %d messages, want %d", n, 50+workers*25)
	}
}

func TestSessionThatDiedWhileIdle(t *testing.T) {
	s := serve(t, sim.Relay{}, sandbox.Conduct{})
	r := newTestRelay(t, s, "")
	mustSend(t, r, testMessage("before"))
	s.listener.cut()
	mustSend(t, r, testMessage("after"))
	if got := s.desk.Total(); got.Accepted != 2 || got.Repeats != 0 {
		t.Errorf("the relay counted %+v, want two messages and no repeat", got)
	}
	if n := s.listener.accepted.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// TestSessionThatTheRelayEnds has the relay announce the end of an idle session, as RFC 5321,
// section 4.2.3, lets it do at any time.
func TestSessionThatTheRelayEnds(t *testing.T) {
	mails := 0
	s := play(t, pipelining, func(_ int, line string) string {
		if strings.HasPrefix(line, "MAIL") {
			if mails++; mails == 2 {
				return "421 4.4.2 Idle for too long"
			}
		}
		return willing(line)
	})
	r := newScripted(t, s)
	mustSend(t, r, testMessage("one"))
	mustSend(t, r, testMessage("two"))
	if conns, _ := s.heard(); conns != 2 {
		t.Errorf("%d connections, want 2", conns)
	}
}

func TestSessionIsNotKeptAfter421(t *testing.T) {
	s := play(t, pipelining, func(conn int, line string) string {
		if conn == 1 && line == "." {
			return "421 4.3.2 Shutting down"
		}
		return willing(line)
	})
	r := newScripted(t, s)
	mustFail(t, r, testMessage("one"), channels.Unavailable, "421 4.3.2")
	mustSend(t, r, testMessage("two"))
	if conns, verbs := s.heard(); conns != 2 {
		t.Errorf("%d connections, want 2; heard %s", conns, verbs)
	}
}

func TestRelayOutOfOrder(t *testing.T) {
	s := serve(t, sim.Relay{}, sandbox.Conduct{})
	r := newTestRelay(t, s, "")
	mustSend(t, r, testMessage("before"))
	s.desk.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	mustFail(t, r, testMessage("during"), channels.Unavailable, "421 4.3.2")
	s.desk.SetConduct(sandbox.Conduct{})
	mustSend(t, r, testMessage("after"))
}

// TestLostAt has a session break off at every place; only from the message on is it
// unknown what became of it, and then nothing is sent again.
func TestLostAt(t *testing.T) {
	for _, tt := range []struct {
		at    string
		class channels.Class
		conns int
	}{
		{"MAIL", channels.Unavailable, 2}, {"RCPT", channels.Unavailable, 2}, {"DATA", channels.Unavailable, 2}, {".", channels.Unknown, 1},
	} {
		for name, extensions := range map[string][]string{"pipelining": pipelining, "in turn": {"HELP"}} {
			t.Run(tt.at+" "+name, func(t *testing.T) {
				messages := 0
				s := play(t, extensions, func(_ int, line string) string {
					if messages == 1 && strings.HasPrefix(line, tt.at) {
						return "" // on every connection
					}
					if line == "." {
						messages++
					}
					return willing(line)
				})
				r := newScripted(t, s)
				mustSend(t, r, testMessage("first"))
				mustFail(t, r, testMessage("second"), tt.class, "connection_lost")
				if conns, verbs := s.heard(); conns != tt.conns {
					t.Errorf("%d connections, want %d; heard %s", conns, tt.conns, verbs)
				}
			})
		}
	}
}

func TestRefusalLeavesTheSessionUsable(t *testing.T) {
	for _, tt := range []struct{ name, refuse, with, verbs string }{
		{"recipient", "RCPT", "550 5.1.1 No such user", "MAIL RCPT DATA RSET MAIL RCPT DATA ."},
		{"sender", "MAIL", "451 4.3.0 Try later", "MAIL RCPT DATA RSET MAIL RCPT DATA ."},
		{"content", ".", "554 5.6.0 Not taken", "MAIL RCPT DATA . MAIL RCPT DATA ."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused, open := false, false
			s := play(t, pipelining, func(_ int, line string) string {
				switch {
				case !refused && strings.HasPrefix(line, tt.refuse):
					refused = true
					open = line != "."
					return tt.with
				case line == "RSET":
					open = false
				case open:
					return "503 5.5.1 Out of order"
				}
				return willing(line)
			})
			r := newScripted(t, s)
			if _, err := send(t, r, testMessage("refused")); err == nil {
				t.Error("Send took the message that was refused")
			}
			mustSend(t, r, testMessage("taken"))
			if conns, verbs := s.heard(); conns != 1 || verbs != tt.verbs {
				t.Errorf("%d connections and %q, want 1 and %q", conns, verbs, tt.verbs)
			}
		})
	}
}

// TestRefusedButInvitedToSend has a relay refuse the recipient and ask for the message all the same.
func TestRefusedButInvitedToSend(t *testing.T) {
	s := play(t, pipelining, func(conn int, line string) string {
		if conn == 1 && strings.HasPrefix(line, "RCPT") {
			return "550 5.1.1 No such user"
		}
		return willing(line)
	})
	r := newScripted(t, s)
	mustFail(t, r, testMessage("refused"), channels.InvalidAddress, "550 5.1.1")
	mustSend(t, r, testMessage("taken"))
	if conns, verbs := s.heard(); conns != 2 || verbs != "MAIL RCPT DATA MAIL RCPT DATA ." {
		t.Errorf("%d connections and %q, want another session and no empty message", conns, verbs)
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	for _, tt := range []struct {
		at, with string
		class    channels.Class
	}{
		{"MAIL", "hello", channels.Unavailable},
		{"MAIL", "354 Go ahead", channels.Unavailable},
		{"DATA", "250 Ok", channels.Unavailable},
		{".", "354 More", channels.Unknown},
		{".", "HTTP/1.1 400 Bad Request ana.0@example.com", channels.Unknown},
	} {
		t.Run(tt.at+" "+tt.with, func(t *testing.T) {
			s := play(t, []string{"HELP"}, func(_ int, line string) string {
				if strings.HasPrefix(line, tt.at) {
					return tt.with
				}
				return willing(line)
			})
			mustFail(t, newScripted(t, s), testMessage("x"), tt.class, "connection_lost")
		})
	}
}

func TestQueueIDIsTheAcksID(t *testing.T) {
	s := play(t, pipelining, func(_ int, line string) string { return willing(line) })
	ack, err := send(t, newScripted(t, s), testMessage("x"))
	if want := (channels.Ack{ID: "4F1A", Proof: channels.Accepted}); err != nil || ack != want {
		t.Errorf("Send = %+v, %v; want %+v", ack, err, want)
	}
}

func TestContextEndsTheExchange(t *testing.T) {
	t.Run("a kept session hangs", func(t *testing.T) {
		s := serve(t, sim.Relay{}, sandbox.Conduct{})
		r := newTestRelay(t, s, "")
		mustSend(t, r, testMessage("before"))
		s.desk.SetConduct(sandbox.Conduct{Mode: sandbox.Hanging})
		mustTimeOut(t, r, channels.Unknown)
		s.desk.SetConduct(sandbox.Conduct{})
		mustSend(t, r, testMessage("after"))
	})
	t.Run("nobody greets", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		mustTimeOut(t, newTestRelay(t, served{url: "smtp://" + l.Addr().String()}, ""), channels.Unavailable)
	})
	t.Run("over before a kept session is used", func(t *testing.T) {
		s := serve(t, sim.Relay{}, sandbox.Conduct{})
		r := newTestRelay(t, s, "")
		mustSend(t, r, testMessage("before"))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := r.Send(ctx, testMessage("never")); channels.AsError(err).Class != channels.Unavailable {
			t.Errorf("Send = %v, want an error of class unavailable", err)
		}
		if n := s.desk.Total().Accepted; n != 1 {
			t.Errorf("the relay accepted %d messages, want 1", n)
		}
		mustSend(t, r, testMessage("after"))
		if n := s.listener.accepted.Load(); n != 1 {
			t.Errorf("%d connections, want 1: the kept session was not to be touched", n)
		}
	})
}

func mustTimeOut(t *testing.T, r *relay, want channels.Class) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := r.Send(ctx, testMessage("hanging"))
		ended <- err
	}()
	select {
	case err := <-ended:
		if e := channels.AsError(err); err == nil || e.Class != want || e.Code != "timeout" {
			t.Errorf("Send = %v, want a timeout of class %v", err, want)
		}
	case <-time.After(10 * time.Second): // sooner than any timeout of go-mail's
		t.Fatal("Send doesn't end with its context")
	}
}

func TestIdleSessionsAreClosed(t *testing.T) {
	s := serve(t, sim.Relay{}, sandbox.Conduct{})
	r := newTestRelay(t, s, "idle_timeout: 5ms\n")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { _, _ = send(t, r, testMessage("once")) })
	}
	wg.Wait()
	s.awaitClosed(t)
}

// TestNoDeadlineIsLeft checks that a session doesn't keep the deadline that go-mail sets for its
// opening, at which a message would be lost much later.
func TestNoDeadlineIsLeft(t *testing.T) {
	s := play(t, pipelining, func(_ int, line string) string { return willing(line) })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "smtp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	watched := &deadlineConn{Conn: conn}
	client, err := gosmtp.NewClient(watched, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.UpdateDeadline(time.Minute); err != nil || watched.deadline.IsZero() {
		t.Fatalf("UpdateDeadline: %v, deadline %v", err, watched.deadline)
	}
	if err := (&session{conn: watched, client: client}).takeOver(); err != nil || !watched.deadline.IsZero() {
		t.Errorf("takeOver: %v, deadline %v; want none", err, watched.deadline)
	}
}

type deadlineConn struct {
	net.Conn
	deadline time.Time
}

func (c *deadlineConn) SetDeadline(d time.Time) error {
	c.deadline = d
	return c.Conn.SetDeadline(d)
}

func TestCloseQuits(t *testing.T) {
	s := play(t, pipelining, func(_ int, line string) string { return willing(line) })
	r := newScripted(t, s)
	mustSend(t, r, testMessage("x"))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, verbs := s.heard(); !strings.HasSuffix(verbs, " QUIT") {
		t.Errorf("heard %q, want QUIT at its end", verbs)
	}
}

// mustFail fails the test unless sending m ends in an error of a class and code that tells nothing
// of m.
func mustFail(t *testing.T, r *relay, m channels.Message, class channels.Class, code string) {
	t.Helper()
	_, err := send(t, r, m)
	if err == nil {
		t.Fatalf("Send took the message, want an error of class %v", class)
	}
	e := channels.AsError(err)
	if e.Class != class || e.Code != code {
		t.Errorf("Send: %v; want class %v and code %q", e, class, code)
	}
	for _, private := range []string{m.Address, "ana.0", m.Text, m.Subject} {
		if strings.Contains(err.Error(), private) {
			t.Errorf("error %q gives away %q", err, private)
		}
	}
}
