package bluesky_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/social/bluesky"
	"github.com/tocsin-dev/tocsin/channels/social/bluesky/sim"
)

// TestConformance posts on ten accounts of one server, whose last digits decide their fates.
func TestConformance(t *testing.T) {
	address := func(d int) string { return fmt.Sprintf("bank.example%d", d) }
	wrong := strings.ToUpper(sim.Password)
	config := func(endpoint, password string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\naccounts:\n", endpoint)
		for d := range 10 {
			_, _ = fmt.Fprintf(&b, "  %s: %s\n", address(d), password)
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       bluesky.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.Password) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"accounts"},
		Secrets:    []string{sim.Password, wrong},
		Address:    address,
		Refused:    channels.Rejected, // an account has no address that is wrong: posts are refused
		AckProof:   channels.Delivered,
		RetryAfter: true,
		Drop:       drop,
	})
}

// drop gives a session, reads the post whole and answers nothing.
func drop(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if !strings.HasSuffix(req.URL.Path, ".createSession") {
			return
		}
		const body = `{"accessJwt":"a","refreshJwt":"r","did":"did:plc:a"}`
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}
