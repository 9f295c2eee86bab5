package channeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// patience is how long the suite waits for what must come. It is reached in failures only.
const patience = 10 * time.Second

// receiptsPath is where the suite takes receipts.
const receiptsPath = "/receipts"

// stage is the surroundings of one part of the suite: a sandbox with the simulator, an HTTP client,
// and a server that takes receipts. All of it ends with the test, which fails if anything is left.
type stage struct {
	t         *testing.T
	h         Harness
	desk      *sandbox.Desk
	endpoint  string
	env       channels.Env
	public    string // URL of the receipts server
	callbacks chan channels.Callback
	parser    atomic.Value // channels.CallbackParser; answers the tests of its webhook
	sent      atomic.Int64
}

// conduct is how the simulator treats messages where the suite doesn't say otherwise.
func conduct() sandbox.Conduct {
	return sandbox.Conduct{
		ByDigit:      true,
		ReceiptAfter: sandbox.Duration(2 * time.Millisecond),
		LateBy:       sandbox.Duration(10 * time.Millisecond),
	}
}

func newStage(t *testing.T, h Harness) *stage {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	s := &stage{t: t, h: h, callbacks: make(chan channels.Callback, 4096)}
	s.takeReceipts()
	s.startSandbox()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	s.env = channels.Env{HTTP: &http.Client{Transport: transport}, UserAgent: "channeltest/1"}
	return s
}

func (s *stage) startSandbox() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	server, err := sandbox.New(ctx, "127.0.0.1:0", conduct(), []sandbox.Simulator{s.h.Simulator})
	if err != nil {
		cancel()
		s.t.Fatalf("starting the sandbox: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("stopping the sandbox: %v", err)
		}
	})
	s.desk = server.Desk(s.h.Simulator.Provider)
	s.endpoint = server.Endpoints()[s.h.Simulator.Provider]
}

// takeReceipts starts the server that keeps every callback for the test to look at.
func (s *stage) takeReceipts() {
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		u, err := url.Parse(s.public + r.URL.RequestURI())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ref := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, receiptsPath), "/")
		c := channels.Callback{Method: r.Method, URL: u, Ref: ref, Header: r.Header.Clone(), Body: body}
		if answer, ok := s.challenged(c); ok {
			_, _ = io.WriteString(w, answer)
			return
		}
		s.callbacks <- c
	})
	server.Start()
	s.public = server.URL
	s.t.Cleanup(server.Close)
}

// challenged returns what a call that tests the webhook is to be answered with.
func (s *stage) challenged(c channels.Callback) (answer string, ok bool) {
	parser, _ := s.parser.Load().(channels.CallbackParser)
	if parser == nil || c.Method != http.MethodGet {
		return "", false
	}
	heard, err := parser.ParseCallback(c)
	return heard.Answer, err == nil && heard.Answer != ""
}

// newSender makes a Sender from a configuration. It is closed when the test ends.
func (s *stage) newSender(config string) channels.Sender {
	s.t.Helper()
	sender, err := s.h.Spec.New(decoder(config), s.env)
	if err != nil {
		s.t.Fatalf("making a Sender of the harness's configuration: %v", err)
	}
	s.t.Cleanup(func() {
		if err := sender.Close(); err != nil {
			s.t.Errorf("Close: %v", err)
		}
	})
	return sender
}

// sender makes a Sender that talks to the simulator.
func (s *stage) sender() channels.Sender {
	s.t.Helper()
	return s.newSender(s.h.Config(s.endpoint))
}

// anySender makes a Sender only to see what it can do.
func (h Harness) anySender(t *testing.T) channels.Sender {
	t.Helper()
	sender, err := h.Spec.New(decoder(h.Config(h.endpoint("127.0.0.1:1"))), channels.Env{HTTP: &http.Client{}})
	if err != nil {
		t.Fatalf("making a Sender of the harness's configuration: %v", err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

// decoder reads a YAML configuration in the way in which Tocsin does.
func decoder(config string) func(any) error {
	return func(into any) error {
		dec := yaml.NewDecoder(strings.NewReader(config))
		dec.KnownFields(true)
		if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	}
}

// message makes a message to an address with digit d, different from all before on this stage.
func (s *stage) message(d int) channels.Message {
	n := s.sent.Add(1)
	ref := fmt.Sprintf("channeltest-%04d-0f1e2d3c4b5a", n)
	m := channels.Message{
		Ref:         ref,
		Address:     s.h.Address(d),
		Locale:      "en",
		Text:        fmt.Sprintf("Card payments are down. Notice %d.", n),
		Callback:    s.public + receiptsPath + "/" + ref,
		Unsubscribe: "https://tocsin.example.com/v1/unsubscribe/" + ref,
		UsefulFor:   time.Hour,
		Topic:       "0123456789abcdef0123456789abcdef",
	}
	switch s.h.Spec.Kind {
	case channels.Email, channels.Push, channels.Web:
		m.Subject = fmt.Sprintf("Card payments, notice %d", n)
	case channels.SMS, channels.Messenger, channels.Social, channels.Voice:
	}
	switch s.h.Spec.Kind {
	case channels.Email:
		m.HTML = "<p>" + m.Text + "</p>"
	case channels.Web:
		now := time.Now().UTC().Truncate(time.Second)
		m.News = &channels.News{
			Kind: "outage", Status: "identified", Impact: "major", At: now, StartedAt: now.Add(-time.Hour),
			NextUpdateAt: now.Add(time.Hour), Services: []string{"card payments"},
		}
	case channels.SMS, channels.Messenger, channels.Social, channels.Push, channels.Voice:
	}
	return m
}

// send sends m with a deadline that is reached only in failures.
func (s *stage) send(sender channels.Sender, m channels.Message) (channels.Ack, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return sender.Send(ctx, m)
}

// mustSend sends m and fails the test unless it was taken.
func (s *stage) mustSend(sender channels.Sender, m channels.Message) channels.Ack {
	s.t.Helper()
	ack, err := s.send(sender, m)
	if err != nil {
		s.t.Fatalf("Send: %v; want it taken", err)
	}
	if ack.Proof < channels.Accepted {
		s.t.Errorf("Ack.Proof = %v, want at least accepted", ack.Proof)
	}
	if s.h.Spec.ReceiptsByID && ack.ID == "" {
		s.t.Error("Ack.ID is empty, though Spec.ReceiptsByID says that receipts name it")
	}
	return ack
}

// tally returns what the simulator counted for an address.
func (s *stage) tally(address string) sandbox.Tally {
	var found sandbox.Tally
	want := s.h.Witness(address)
	s.desk.Each(func(counted string, t sandbox.Tally) {
		if counted == want {
			found = t
		}
	})
	return found
}

// mustCount fails the test unless the simulator accepted exactly n messages in all.
func (s *stage) mustCount(n int) {
	s.t.Helper()
	if got := s.desk.Total().Accepted; got != n {
		s.t.Errorf("the simulator accepted %d messages, want %d", got, n)
	}
}

// setMode changes the state that the simulated provider is in.
func (s *stage) setMode(m sandbox.Mode) {
	c := conduct()
	c.Mode = m
	s.desk.SetConduct(c)
}

// mustFail fails the test unless err is an *Error of the class wanted that gives nothing away.
func (s *stage) mustFail(err error, m channels.Message, want channels.Class) *channels.Error {
	s.t.Helper()
	if err == nil {
		s.t.Fatalf("Send took the message, want an error of class %v", want)
	}
	e := s.mustBeError(err, m)
	if e.Class != want {
		s.t.Errorf("error %q has class %v, want %v", e, e.Class, want)
	}
	return e
}

// mustBeError fails the test unless err is an *Error with a code that gives nothing away.
func (s *stage) mustBeError(err error, m channels.Message) *channels.Error {
	s.t.Helper()
	e, ok := err.(*channels.Error) //nolint:errorlint // the contract is that it is one, not that it wraps one
	if !ok {
		s.t.Fatalf("error %q is a %T, want a *channels.Error", err, err)
	}
	if e.Code == "" {
		s.t.Errorf("error %q has no code", e)
	}
	private := append([]string{m.Address, m.Text, m.Subject}, s.h.Secrets...)
	for _, p := range private {
		if p != "" && bytes.Contains([]byte(fmt.Sprintf("%v %+v", e, e.Err)), []byte(p)) {
			s.t.Errorf("error %q gives away %q", e, p)
		}
	}
	return e
}
