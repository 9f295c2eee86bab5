package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// echo is a provider over HTTP that takes a message for each request's path.
func echo() Simulator {
	return Simulator{Provider: "echo", HTTP: func(d *Desk) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d.Follow(r.URL.Path, d.Take(r.URL.Path, "x"), nil)
			_, _ = io.WriteString(w, r.URL.Path)
		})
	}}
}

// lines is a provider of another protocol, which takes a message for each line.
func lines() Simulator {
	return Simulator{Provider: "lines", Scheme: "line", Serve: func(ctx context.Context, d *Desk, l net.Listener) error {
		stop := context.AfterFunc(ctx, func() { _ = l.Close() })
		defer stop()
		for {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			scanner := bufio.NewScanner(conn)
			for scanner.Scan() {
				d.Follow(scanner.Text(), d.Take(scanner.Text(), "x"), nil)
				_, _ = io.WriteString(conn, "ok\n")
			}
			_ = conn.Close()
		}
	}}
}

func startServer(t *testing.T, c Conduct) *Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s, err := New(ctx, "127.0.0.1:0", c, []Simulator{echo(), lines()})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

// do makes a request to a server on a connection of its own.
func do(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestEndpoints(t *testing.T) {
	s := startServer(t, Conduct{})
	_, answer := do(t, http.MethodGet, s.URL()+"/sandbox/endpoints", "")
	var endpoints map[string]string
	if err := json.Unmarshal([]byte(answer), &endpoints); err != nil {
		t.Fatal(err)
	}
	if status, path := do(t, http.MethodPost, endpoints["echo"]+"/v1/send", ""); status != http.StatusOK || path != "/v1/send" {
		t.Errorf("status %d, the provider saw the path %q; want /v1/send, without its prefix", status, path)
	}
	addr, ok := strings.CutPrefix(endpoints["lines"], "line://")
	if !ok {
		t.Fatalf("endpoint %q, want the scheme line", endpoints["lines"])
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "somebody\n")
	if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil || answer != "ok\n" {
		t.Errorf("the other protocol answers %q, %v", answer, err)
	}
	if n := s.Desk("lines").Total().Accepted; n != 1 {
		t.Errorf("it counted %d, want 1", n)
	}
}

func TestCounts(t *testing.T) {
	s := startServer(t, Conduct{ByDigit: true})
	for _, address := range []string{"/1", "/1", "/9"} {
		do(t, http.MethodPost, s.Endpoints()["echo"]+address, "")
	}
	var totals map[string]Tally
	_, answer := do(t, http.MethodGet, s.URL()+"/sandbox/counts", "")
	if err := json.Unmarshal([]byte(answer), &totals); err != nil {
		t.Fatal(err)
	}
	if got, want := totals["echo"], (Tally{Accepted: 2, Delivered: 2, Refused: 1, Repeats: 1}); got != want {
		t.Errorf("echo counts %+v, want %+v", got, want)
	}
	if _, ok := totals["lines"]; !ok {
		t.Error("a provider that was sent nothing is missing in the counts")
	}
	_, answer = do(t, http.MethodGet, s.URL()+"/sandbox/counts/echo", "")
	if n := strings.Count(answer, "\n"); n != 2 || !strings.Contains(answer, `{"address":"/1","accepted":2,`) {
		t.Errorf("counts of echo: %q, want a line for each of two addresses", answer)
	}
	if status, _ := do(t, http.MethodDelete, s.URL()+"/sandbox/counts", ""); status != http.StatusNoContent {
		t.Errorf("DELETE: status %d", status)
	}
	if total := s.Desk("echo").Total(); total != (Tally{}) {
		t.Errorf("after DELETE the total is %+v", total)
	}
}

func TestConduct(t *testing.T) {
	s := startServer(t, Conduct{Lose: 0.25})
	at := s.URL() + "/sandbox/conduct/echo"
	if _, got := do(t, http.MethodGet, at, ""); !strings.Contains(got, `"lose":0.25`) {
		t.Errorf("conduct %s, want the one given", got)
	}
	if status, answer := do(t, http.MethodPut, at, `{"mode":"rate_limited","latency":"5ms"}`); status != http.StatusNoContent {
		t.Fatalf("PUT: status %d, %s", status, answer)
	}
	if got := s.Desk("echo").Conduct(); got.Mode != RateLimited || got.Lose != 0 {
		t.Errorf("conduct %+v, want the one that was put, whole", got)
	}
	if got := s.Desk("lines").Conduct(); got.Lose != 0.25 {
		t.Errorf("the other provider's conduct %+v, want it unchanged", got)
	}
	for _, bad := range []string{`{"mood":"bad"}`, `{`, `{"latency":7}`} {
		if status, answer := do(t, http.MethodPut, at, bad); status != http.StatusBadRequest || !strings.Contains(answer, "conduct") {
			t.Errorf("PUT %s: status %d, %q; want 400 and why", bad, status, answer)
		}
	}
	status, answer := do(t, http.MethodGet, s.URL()+"/sandbox/conduct/nobody", "")
	if status != http.StatusNotFound || !strings.Contains(answer, "echo") || !strings.Contains(answer, "lines") {
		t.Errorf("unknown provider: status %d, %q; want 404 and the names there are", status, answer)
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := New(t.Context(), l.Addr().String(), Conduct{}, nil); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("error %v, want one that says what to do", err)
	}
}

// TestASimulatorThatFails ends the sandbox with the reason.
func TestASimulatorThatFails(t *testing.T) {
	broken := Simulator{Provider: "broken", Scheme: "x", Serve: func(_ context.Context, _ *Desk, l net.Listener) error {
		_ = l.Close()
		return io.ErrUnexpectedEOF
	}}
	s, err := New(t.Context(), "127.0.0.1:0", Conduct{}, []Simulator{echo(), broken})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), io.ErrUnexpectedEOF.Error()) {
		t.Errorf("Run: %v, want the simulator's error", err)
	}
}

// TestAccountsOfOneProvider: another account has a conduct and counts of its own.
func TestAccountsOfOneProvider(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := New(ctx, "127.0.0.1:0", Conduct{}, []Simulator{echo(), echo().As("second")})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	do(t, http.MethodPut, s.URL()+"/sandbox/conduct/second", `{"refuse":1}`)
	do(t, http.MethodPost, s.Endpoints()["echo"]+"/x", "")
	do(t, http.MethodPost, s.Endpoints()["second"]+"/x", "")
	if first, second := s.Desk("echo").Total(), s.Desk("second").Total(); first.Accepted != 1 || second.Refused != 1 {
		t.Errorf("they count %+v and %+v, want one taken and one refused", first, second)
	}
}
