package sim

import (
	"context"
	"encoding/base64"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// client speaks to the relay line by line.
type client struct {
	t    *testing.T
	text *textproto.Conn
}

// connect serves a relay until the test ends, and connects to it.
func connect(t *testing.T, r Relay, c sandbox.Conduct) (*client, *sandbox.Desk) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	desk := sandbox.NewDesk(ctx, "smtp", c)
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, desk, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	k := &client{t, textproto.NewConn(conn)}
	k.expect("220")
	return k, desk
}

// expect reads an answer and fails the test unless it begins with want.
func (c *client) expect(want string) string {
	c.t.Helper()
	var all []string
	for {
		line, err := c.text.ReadLine()
		if err != nil {
			c.t.Fatalf("reading an answer: %v", err)
		}
		all = append(all, line)
		if len(line) < 4 || line[3] != '-' {
			if !strings.HasPrefix(line, want) {
				c.t.Fatalf("answer %q, want %s", line, want)
			}
			return strings.Join(all, "\n")
		}
	}
}

func (c *client) say(line, want string) string {
	c.t.Helper()
	if err := c.text.PrintfLine("%s", line); err != nil {
		c.t.Fatal(err)
	}
	return c.expect(want)
}

// message sends a message and fails the test unless the answer to it begins with want.
func (c *client) message(message, want string) {
	c.t.Helper()
	c.say("DATA", "354")
	c.say(strings.ReplaceAll(message, "\n", "\r\n")+".", want)
}

func TestTransaction(t *testing.T) {
	c, desk := connect(t, Relay{}, sandbox.Conduct{ByDigit: true})
	extensions := c.say("EHLO test.example", "250")
	for _, want := range []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "AUTH PLAIN", "SIZE 1048576"} {
		if !strings.Contains(extensions, want) {
			t.Errorf("EHLO offers no %s: %s", want, extensions)
		}
	}
	for range 2 {
		c.say("MAIL FROM:<bounces@example.com>", "250")
		c.say("RCPT TO:<ana@example.com>", "250")
		c.message(alternative, "250")
	}
	c.say("MAIL FROM:<bounces@example.com>", "250")
	c.say("RCPT TO:<ion9@example.com>", "550 5.1.1")
	c.say("RCPT TO:<ana@example.com>", "250")
	c.say("RCPT TO:<ana8@example.com>", "250")
	c.message(alternative, "554 5.6.0")
	c.say("MAIL FROM:<bounces@example.com>", "250")
	c.say("RCPT TO:<maria@example.com>", "250")
	c.message(alternative, "554 5.6.0") // the To field is another's
	c.say("QUIT", "221")
	if diff := cmp.Diff(sandbox.Tally{Accepted: 2, Delivered: 2, Refused: 1, Repeats: 1}, desk.Total()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// TestRepeatIsKnownByItsText sends the same text under another Message-ID, Date and boundary.
func TestRepeatIsKnownByItsText(t *testing.T) {
	c, desk := connect(t, Relay{}, sandbox.Conduct{})
	c.say("EHLO test.example", "250")
	again := strings.NewReplacer("<x@", "<y@", "12:05", "13:07", "=_b", "=_c").Replace(alternative)
	another := strings.Replace(alternative, "RG93bi4=", "VXAu", 1)
	for _, message := range []string{alternative, again, another} {
		c.say("MAIL FROM:<bounces@example.com>", "250")
		c.say("RCPT TO:<ana@example.com>", "250")
		c.message(message, "250")
	}
	if got := desk.Total(); got.Accepted != 3 || got.Repeats != 1 {
		t.Errorf("counts %+v, want 3 accepted and 1 repeat", got)
	}
}

func TestModes(t *testing.T) {
	t.Run("unavailable", func(t *testing.T) {
		c, desk := connect(t, Relay{}, sandbox.Conduct{Mode: sandbox.Unavailable})
		c.say("EHLO test.example", "421 4.3.2")
		desk.SetConduct(sandbox.Conduct{})
		c.say("EHLO test.example", "250")
		desk.SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
		c.say("MAIL FROM:<a@example.com>", "421 4.3.2")
	})
	t.Run("rate limited", func(t *testing.T) {
		c, _ := connect(t, Relay{}, sandbox.Conduct{Mode: sandbox.RateLimited})
		c.say("EHLO test.example", "250")
		c.say("MAIL FROM:<a@example.com>", "450 4.7.1")
	})
	t.Run("mute", func(t *testing.T) {
		c, desk := connect(t, Relay{}, sandbox.Conduct{Mode: sandbox.Mute})
		c.say("EHLO test.example", "250")
		c.say("MAIL FROM:<a@example.com>", "250")
		c.say("RCPT TO:<ana@example.com>", "250")
		c.message(alternative, "250")
		if got := desk.Total(); got.Accepted != 1 || got.Delivered != 0 {
			t.Errorf("counts %+v, want 1 accepted and none delivered", got)
		}
	})
	t.Run("hanging until the relay stops", func(t *testing.T) {
		c, desk := connect(t, Relay{}, sandbox.Conduct{Mode: sandbox.Hanging})
		c.say("EHLO test.example", "250")
		c.say("MAIL FROM:<a@example.com>", "250")
		c.say("RCPT TO:<ana@example.com>", "250")
		c.say("DATA", "354")
		if err := c.text.PrintfLine("%s.", strings.ReplaceAll(alternative, "\n", "\r\n")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // before the relay is stopped, which the cleanup of connect waits for
			if n := desk.Total().Accepted; n != 0 {
				t.Errorf("%d messages accepted, want none", n)
			}
		})
	})
}

func TestAuth(t *testing.T) {
	initial := func(username, password string) string {
		return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+username+"\x00"+password))
	}
	c, _ := connect(t, Relay{RequireAuth: true}, sandbox.Conduct{})
	c.say("EHLO test.example", "250")
	c.say("MAIL FROM:<a@example.com>", "530 5.7.0")
	c.say(initial(Username, "wrong"), "535 5.7.8")
	c.say(initial("wrong", Password), "535 5.7.8")
	c.say("AUTH LOGIN", "504")
	c.say(initial(Username, Password), "235")
	c.say("MAIL FROM:<a@example.com>", "250")
}

func TestServeTellsOfABrokenListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	desk := sandbox.NewDesk(context.Background(), "smtp", sandbox.Conduct{})
	if err := (Relay{}).Serve(context.Background(), desk, l); err == nil {
		t.Error("Serve on a closed listener returned nil")
	}
}
