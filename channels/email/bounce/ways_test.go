package bounce

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// core is the far side of a way: it stores what is heard, unless it is told to fail.
type core struct {
	failing atomic.Bool
	heard   chan channels.Heard
}

func newCore() *core { return &core{heard: make(chan channels.Heard, 1000)} }

var errFull = errors.New("stream is full")

func (c *core) hear(_ context.Context, h channels.Heard) error {
	if c.failing.Load() {
		return errFull
	}
	c.heard <- h
	return nil
}

func (c *core) next(t *testing.T) channels.Heard {
	t.Helper()
	select {
	case h := <-c.heard:
		return h
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was heard")
		return channels.Heard{}
	}
}

// once does something again and again until something is heard: this server keeps to itself what comes
// just before it is asked to tell of news.
func (c *core) once(t *testing.T, do func()) channels.Heard {
	t.Helper()
	for range 200 {
		do()
		select {
		case h := <-c.heard:
			return h
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatal("nothing was heard")
	return channels.Heard{}
}

func dead() channels.Heard {
	return channels.Heard{Receipts: []channels.Receipt{{Ref: testRef, State: channels.ReceiptFailed, Code: "5.1.1", Dead: true}}}
}

// start runs a way until the test ends, or stop is called, which returns its error.
func start(t *testing.T, f func(context.Context) error) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- nil
		return err
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return stop
}

// serveBounces serves on a port of its own and returns a client's connection to it.
func serveBounces(t *testing.T, lmtp bool, c *core) (dial func() *smtp.Client, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{at: endpoint{lmtp: lmtp}, addresses: testAddresses()}
	stop = start(t, func(ctx context.Context) error { return stopped(ctx, s.serve(ctx, l, c.hear)) })
	return func() *smtp.Client {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		client := smtp.NewClient(conn)
		if lmtp {
			client = smtp.NewClientLMTP(conn)
		}
		t.Cleanup(func() { _ = client.Close() })
		return client
	}, stop
}

func deliver(client *smtp.Client, to string, message []byte) error {
	if err := client.Mail("", nil); err != nil {
		return err
	}
	if err := client.Rcpt(to, nil); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	return w.Close()
}

func TestServer(t *testing.T) {
	for name, lmtp := range map[string]bool{"SMTP": false, "LMTP": true} {
		t.Run(name, func(t *testing.T) {
			c := newCore()
			dial, _ := serveBounces(t, lmtp, c)
			client := dial()
			to := testAddresses().Sender(testRef)
			if err := deliver(client, to, readFile(t, "postfix-unknown")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(dead(), c.next(t)); diff != "" {
				t.Errorf("heard (-want +got):\n%s", diff)
			}
			c.failing.Store(true)
			if code := codeOf(deliver(client, to, readFile(t, "postfix-unknown"))); code != 451 {
				t.Errorf("what could not be stored was answered with %d, want 451", code)
			}
			if err := client.Reset(); err != nil {
				t.Fatal(err)
			}
			if code := codeOf(deliver(client, "ana@bank.example", nil)); code != 550 {
				t.Errorf("mail for somebody else was answered with %d, want 550", code)
			}
		})
	}
}

func codeOf(err error) int {
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return e.Code
	}
	return 0
}

// TestServerReadsOfLargeMessagesTheBeginning: what comes after it is taken, and dropped.
func TestServerReadsOfLargeMessagesTheBeginning(t *testing.T) {
	c := newCore()
	dial, _ := serveBounces(t, false, c)
	large := append(readFile(t, "postfix-unknown"), strings.Repeat("x\r\n", maxMessage/2)...)
	if err := deliver(dial(), testAddresses().Sender(testRef), large); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dead(), c.next(t)); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// TestServerStops: an idle client keeps nobody from stopping.
func TestServerStops(t *testing.T) {
	dial, stop := serveBounces(t, false, newCore())
	if err := dial().Noop(); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// TestSocketLeftBehind: the socket of a process that was killed is no reason not to listen.
func TestSocketLeftBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bounces.sock")
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := endpoint{"unix", path, true}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// newMaildir makes a maildir with messages of testdata in it.
func newMaildir(t *testing.T, messages ...string) *maildir {
	t.Helper()
	m := &maildir{dir: t.TempDir(), addresses: testAddresses(), every: 5 * time.Millisecond}
	for _, d := range []string{"tmp", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(m.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range messages {
		if err := os.WriteFile(filepath.Join(m.dir, "new", "1795349111."+name+".mx"), readFile(t, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *maildir) holds(t *testing.T, d string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(m.dir, d))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestMaildir(t *testing.T) {
	m, c := newMaildir(t, "postfix-unknown", "vacation"), newCore()
	stop := start(t, func(ctx context.Context) error { return m.listen(ctx, c.hear) })
	if diff := cmp.Diff(dead(), c.next(t)); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
	late := filepath.Join(m.dir, "tmp", "late")
	if err := errors.Join(os.WriteFile(late, readFile(t, "qmail"), 0o600), os.Rename(late, filepath.Join(m.dir, "new", "1795349112.late.mx"))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dead(), c.next(t)); diff != "" {
		t.Errorf("heard later (-want +got):\n%s", diff)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{"1795349111.postfix-unknown.mx:2,S", "1795349111.vacation.mx:2,S", "1795349112.late.mx:2,S"}
	if diff := cmp.Diff(want, m.holds(t, "cur")); diff != "" || len(m.holds(t, "new")) != 0 {
		t.Errorf("put away (-want +got):\n%s\nleft: %v", diff, m.holds(t, "new"))
	}
}

// TestMaildirKeepsWhatWasNotStored: it is heard again later.
func TestMaildirKeepsWhatWasNotStored(t *testing.T) {
	m, c := newMaildir(t, "postfix-unknown"), newCore()
	c.failing.Store(true)
	if err := m.listen(t.Context(), c.hear); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
	if len(m.holds(t, "new")) != 1 {
		t.Fatal("the message is gone")
	}
	c.failing.Store(false)
	if err := m.sweep(t.Context(), c.hear); err != nil || len(m.holds(t, "new")) != 0 {
		t.Errorf("later: %v, left %v", err, m.holds(t, "new"))
	}
}

// TestMaildirGoesOnBehindWhatItCannotRead: a directory where a message should be.
func TestMaildirGoesOnBehindWhatItCannotRead(t *testing.T) {
	m, c := newMaildir(t, "postfix-unknown"), newCore()
	if err := os.Mkdir(filepath.Join(m.dir, "new", "0.odd.mx"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := m.sweep(t.Context(), c.hear); err == nil {
		t.Error("nothing was said of what can't be read")
	}
	if diff := cmp.Diff(dead(), c.next(t)); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"an unknown scheme":      {Listen: "http://127.0.0.1:25"},
		"no port":                {Listen: "smtp://127.0.0.1"},
		"a socket for SMTP":      {Listen: "smtp:///run/x.sock"},
		"credentials":            {Listen: "smtp://a:b@127.0.0.1:25"},
		"no scheme":              {Listen: "127.0.0.1:25"},
		"a key alone":            {Listen: "smtp://127.0.0.1:25", KeyFile: "/k"},
		"a certificate for none": {CertFile: "/c", KeyFile: "/k", Maildir: "/var/mail/bounces"},
		"a relative maildir":     {Maildir: "bounces"},
	} {
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "bounces.") {
			t.Errorf("%s: %v, want an error that names the key", name, err)
		}
	}
	all := Config{Listen: "lmtp:///run/tocsin/bounces.sock", Maildir: "/var/mail/bounces"}
	if err := all.Check(); err != nil || all.Empty() {
		t.Errorf("%v, empty %v", err, all.Empty())
	}
	ways := all.Ways(testAddresses())
	if len(ways) != 2 || ways[0].Alone || !ways[1].Alone {
		t.Errorf("ways %+v, want a port that all may serve and a maildir that one reads", ways)
	}
	if len(Config{}.Ways(testAddresses())) != 0 || !(Config{}).Empty() {
		t.Error("nothing is configured, and there are ways")
	}
}
