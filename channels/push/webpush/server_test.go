//go:build integration

package webpush_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/push/webpush"
	"github.com/tocsin-dev/tocsin/channels/push/webpush/sim"
)

// TestAgainstWebPushTesting sends through a push service that somebody else wrote: npm's
// web-push-testing, which makes subscriptions, verifies VAPID and decrypts with a library of its own. It
// runs with `make integration`, which installs the package and names its folder in WEB_PUSH_TESTING.
func TestAgainstWebPushTesting(t *testing.T) {
	base := startService(t)
	sub := subscribe(t, base)
	sender, err := webpush.Spec().New(func(into any) error {
		*into.(*webpush.Config) = webpush.Config{
			VAPIDPrivateKey: sim.VAPIDPrivateKey, Contact: "mailto:outages@bank.example",
			OutsideConfig: channels.OutsideConfig{BaseURL: base},
		}
		return nil
	}, channels.Env{HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, UserAgent: "tocsin-test/1"})
	if err != nil {
		t.Fatal(err)
	}
	address, err := webpush.CheckAddress(sub.address(base))
	if err != nil {
		t.Fatal(err)
	}
	m := channels.Message{Ref: "a-1", Address: address, Subject: "Cards", Text: "Плата <down> 🔔", Topic: "abc", UsefulFor: time.Hour}
	if ack, err := sender.Send(context.Background(), m); err != nil || ack.Proof != channels.Accepted {
		t.Fatalf("Ack = %+v, error %v", ack, err)
	}
	var got struct{ Data struct{ Messages []string } }
	call(t, base+"/get-notifications", map[string]string{"clientHash": sub.ClientHash}, &got)
	if want := `{"title":"Cards","body":"Плата <down> 🔔","tag":"abc"}`; len(got.Data.Messages) != 1 || got.Data.Messages[0] != want {
		t.Errorf("the browser got %q, want %s", got.Data.Messages, want)
	}
	call(t, base+"/expire-subscription/"+sub.ClientHash, struct{}{}, nil)
	if _, err := sender.Send(context.Background(), m); err == nil || channels.AsError(err).Class != channels.InvalidAddress {
		t.Errorf("to an expired subscription: error %v, want class invalid_address", err)
	}
}

// startService starts the service until the test ends, and returns its URL.
func startService(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", os.Getenv("WEB_PUSH_TESTING")+"/src/bin/server.js", fmt.Sprint(port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting web-push-testing: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	line := make([]byte, 64) // "Server running on port …"
	if n, err := out.Read(line); err != nil || !strings.HasPrefix(string(line[:n]), "Server running") {
		t.Fatalf("web-push-testing said %q, error %v; is WEB_PUSH_TESTING its folder?", line[:n], err)
	}
	return fmt.Sprintf("http://localhost:%d", port)
}

// subscription is what the service answers to a browser that subscribes.
type subscription struct {
	Endpoint   string            `json:"endpoint"`
	Keys       map[string]string `json:"keys"`
	ClientHash string            `json:"clientHash"`
}

// address is the subscription as a directory has it, on a host that base stands for.
func (s subscription) address(base string) string {
	b, _ := json.Marshal(map[string]any{"endpoint": strings.Replace(s.Endpoint, base, "https://push.example.net", 1), "keys": s.Keys})
	return string(b)
}

func subscribe(t *testing.T, base string) subscription {
	t.Helper()
	var made struct{ Data subscription }
	call(t, base+"/subscribe", map[string]any{
		"userVisibleOnly":      "true", // which the service wants as text
		"applicationServerKey": "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
	}, &made)
	return made.Data
}

func call(t *testing.T, url string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, error %v", url, resp.StatusCode, answer, err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s: %s: %v", url, answer, err)
		}
	}
}
