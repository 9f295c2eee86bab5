package channeltest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The pigeon post is a provider made up for the tests of this suite, with everything that a provider
// can have. Its adapter can be given a flaw, which the suite has to find.

const pigeonKey = "grain-4711"

// letter is what the adapter posts to the provider.
type letter struct {
	Ref, To, Text, Callback string
	Under                   string `json:",omitempty"`
}

// recalled is what it posts to have a letter back.
type recalled struct{ ID, To string }

// feather is what the provider posts to the callback.
type feather struct {
	Ref, State string
}

func seal(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func pigeonSpec(flaw string) channels.Spec {
	return channels.Spec{
		Provider:     "pigeon",
		Title:        "Pigeon Post",
		Kind:         channels.Messenger,
		Channel:      "pigeon",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:      channels.SilenceIsFailure,
		Idempotent:   true,
		Threads:      true,
		RecallWithin: 24 * time.Hour,
		Limits:       channels.Limits{PerSecond: 1, Concurrency: 1, Timeout: time.Minute},
		Docs:         "https://pigeon.example/docs",
		Example:      "key: grain\nloft: https://pigeon.example\n",
		New: func(decode func(any) error, env channels.Env) (channels.Sender, error) {
			p := &pigeon{env: env, flaw: flaw, over: make(chan struct{})}
			return p, p.configure(decode)
		},
	}
}

type pigeon struct {
	Key  channels.Secret
	Loft string

	env  channels.Env
	flaw string
	over chan struct{} // closed by nobody: what waits for it leaks

	broken      atomic.Bool
	lettersSent atomic.Int64
}

func (p *pigeon) configure(decode func(any) error) error {
	var c struct{ Key, Loft string }
	if err := decode(&c); err != nil && p.flaw != "lax config" {
		return fmt.Errorf("pigeon: %w", err)
	}
	if c.Key == "" {
		return errors.New("pigeon: key: required")
	}
	if c.Loft == "" && p.flaw != "vague config" {
		return errors.New("pigeon: loft: required")
	}
	p.Key, p.Loft = channels.Secret(c.Key), c.Loft
	if c.Loft == "" {
		return errors.New("pigeon: something is missing")
	}
	return nil
}

func (p *pigeon) Close() error { return nil }

func (p *pigeon) Units(text string) int { return 1 + len(text)/1000 }

func (p *pigeon) Probe(ctx context.Context) error {
	if _, err := p.post(ctx, "/probe", nil, ""); err != nil {
		return err
	}
	return nil
}

func (p *pigeon) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	l := letter{m.Ref, m.Address, m.Text, m.Callback, m.Thread}
	proof := channels.Accepted
	switch p.flaw {
	case "changes the reference":
		l.Ref += rand()
	case "loses the text":
		l.Text = "news"
	case "believes too much":
		proof = channels.Delivered
	case "forgets the thread":
		l.Under = ""
	case "leaks a goroutine":
		go func() { <-p.over }()
	case "sends twice":
		_, _ = p.deliver(ctx, letter{m.Ref + "-again", m.Address, m.Text, m.Callback, ""}, m)
	case "ignores a context that is over":
		ctx = context.WithoutCancel(ctx)
	}
	id, err := p.deliver(ctx, l, m)
	if err != nil && err.Code == "410" && p.flaw != "gives up without its thread" {
		l.Under = ""
		id, err = p.deliver(ctx, l, m)
	}
	if err != nil && p.flaw == "retries" && err.Class == channels.InvalidAddress {
		id, err = p.deliver(ctx, l, m)
	}
	switch {
	case err == nil:
		return channels.Ack{ID: id, Proof: proof}, nil
	case p.flaw == "returns plain errors":
		return channels.Ack{}, errors.New(err.Error())
	}
	return channels.Ack{}, err
}

// rand is different each time.
func rand() string { return fmt.Sprintf("-%x", time.Now().UnixNano()) }

func (p *pigeon) deliver(ctx context.Context, l letter, m channels.Message) (string, *channels.Error) {
	body, err := json.Marshal(l)
	if err != nil {
		return "", &channels.Error{Class: channels.Rejected, Code: "json", Err: err}
	}
	return p.post(ctx, "/letters", body, m.Address)
}

func (p *pigeon) Recall(ctx context.Context, m channels.Sent) error {
	l := recalled{m.ProviderID, m.Address}
	if p.flaw == "takes back the first" {
		l.ID = "id-1"
	}
	body, err := json.Marshal(l)
	if err != nil {
		return &channels.Error{Class: channels.Rejected, Code: "json", Err: err}
	}
	_, refused := p.post(ctx, "/recalls", body, m.Address)
	switch {
	case refused == nil, refused.Code == "404" && p.flaw != "fails on what is gone", refused.Code == "409" && p.flaw == "says that all is gone":
		return nil
	case refused.Code == "403" && p.flaw == "believes any roof":
		return nil
	case refused.Code == "409", refused.Code == "403":
		refused.Class = channels.Rejected
	}
	return refused
}

func (p *pigeon) post(ctx context.Context, path string, body []byte, address string) (string, *channels.Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Loft+path, bytes.NewReader(body))
	if err != nil {
		return "", &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	req.Header.Set("X-Key", p.Key.Reveal())
	if p.flaw == "gives up after a cut" {
		if p.broken.Load() {
			return "", &channels.Error{Class: channels.Unavailable, Code: "given_up"}
		}
		defer func() { p.broken.Store(p.lettersSent.Add(1) > 1) }()
	}
	status, header, answer, err := channels.Exchange(p.env.HTTP, req)
	if err != nil {
		e := channels.AsError(err)
		if e.Code == "connection_lost" && p.flaw == "takes a lost connection for a failure" {
			e.Class = channels.Unavailable
		}
		return "", e
	}
	if status == http.StatusOK {
		return string(answer), nil
	}
	return "", p.refusal(status, header, address)
}

func (p *pigeon) refusal(status int, header http.Header, address string) *channels.Error {
	e := &channels.Error{Code: fmt.Sprint(status), Err: errors.New("no")}
	switch status {
	case http.StatusNotFound:
		e.Class = channels.InvalidAddress
	case http.StatusGone:
		e.Class = channels.Rejected
	case http.StatusUnauthorized:
		e.Class = channels.Auth
	case http.StatusTooManyRequests:
		e.Class, e.RetryAfter = channels.RateLimited, channels.RetryAfter(header, time.Now())
	case http.StatusServiceUnavailable:
		e.Class = channels.Unavailable
	}
	switch p.flaw {
	case "names the address":
		e.Err = fmt.Errorf("no such address: %s", address)
	case "names the key":
		e.Err = fmt.Errorf("refused with %s", p.Key.Reveal())
	case "forgets Retry-After":
		e.RetryAfter = 0
	case "gives no code":
		e.Code = ""
	}
	return e
}

func (p *pigeon) ParseCallback(c channels.Callback) (channels.Heard, error) {
	want := seal(p.Key.Reveal(), []byte(c.URL.String()+string(c.Body)))
	if p.flaw == "signs the body only" {
		want = seal(p.Key.Reveal(), c.Body)
	}
	if got := c.Header.Get("X-Seal"); got != want && p.flaw != "trusts everybody" && p.flaw != "signs the body only" {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "seal"}
	}
	var f feather
	if err := json.Unmarshal(c.Body, &f); err != nil {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "json", Err: err}
	}
	state := channels.ReceiptAccepted
	if f.State == "delivered" {
		state = channels.ReceiptDelivered
	}
	return channels.Heard{Receipts: []channels.Receipt{{Ref: c.Ref, State: state, Code: f.State}}}, nil
}

// pigeonLoft is the far side.
func pigeonLoft() sandbox.Simulator {
	return sandbox.Simulator{Provider: "pigeon", HTTP: func(d *sandbox.Desk) http.Handler {
		return &loft{desk: d, taken: map[string]string{}, there: map[string]perched{}}
	}}
}

type loft struct {
	desk *sandbox.Desk

	mu    sync.Mutex
	taken map[string]string  // ids by Ref
	there map[string]perched // what was not taken back, by its id
}

// perched is where a letter is, and since when.
type perched struct {
	at    string
	since time.Time
}

func (s *loft) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case sandbox.RateLimited:
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if r.Header.Get("X-Key") != pigeonKey {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/letters"):
		s.takeLetter(w, body)
	case strings.HasSuffix(r.URL.Path, "/recalls"):
		s.recall(w, body)
	}
}

func (s *loft) recall(w http.ResponseWriter, body []byte) {
	var l recalled
	if err := json.Unmarshal(body, &l); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	is, there := s.there[l.ID]
	switch {
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case is.at != l.To:
		w.WriteHeader(http.StatusForbidden)
	case time.Now().Add(time.Duration(s.desk.Conduct().Clock)).Sub(is.since) > 24*time.Hour:
		w.WriteHeader(http.StatusConflict)
	default:
		delete(s.there, l.ID)
		s.desk.Recall(l.To)
	}
}

func (s *loft) takeLetter(w http.ResponseWriter, body []byte) {
	var l letter
	if err := json.Unmarshal(body, &l); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, repeated := s.taken[l.Ref]; repeated {
		_, _ = io.WriteString(w, id)
		return
	}
	if l.Under != "" && !slices.Contains(slices.Collect(maps.Values(s.taken)), l.Under) {
		w.WriteHeader(http.StatusGone)
		return
	}
	fate := s.desk.TakeReply(l.To, l.Text, l.Under)
	if fate.Refused {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.taken[l.Ref] = fmt.Sprintf("id-%d", len(s.taken)+1)
	s.there[s.taken[l.Ref]] = perched{l.To, time.Now()}
	_, _ = io.WriteString(w, s.taken[l.Ref])
	s.desk.Follow(l.To, fate, func(ctx context.Context, state string) { s.report(ctx, l, state) })
}

func (s *loft) report(ctx context.Context, l letter, state string) {
	s.desk.Call(ctx, 2, func() (*http.Request, error) {
		body, err := json.Marshal(feather{l.Ref, state})
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequest(http.MethodPost, l.Callback, bytes.NewReader(body))
		if err == nil {
			req.Header.Set("X-Seal", seal(pigeonKey, []byte(l.Callback+string(body))))
		}
		return req, err
	})
}
