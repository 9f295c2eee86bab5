package livejournal_test

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
	"github.com/tocsin-dev/tocsin/channels/social/livejournal"
	"github.com/tocsin-dev/tocsin/channels/social/livejournal/sim"
)

// TestConformance posts in ten journals, whose last digits decide their fates; every other one is a
// community.
func TestConformance(t *testing.T) {
	address := func(d int) string { return fmt.Sprintf("bank%d", d) }
	wrong := strings.ToUpper(sim.Password)
	config := func(endpoint, password string) string {
		var b strings.Builder
		_, _ = fmt.Fprintf(&b, "base_url: %s\nzone: Europe/Chisinau\naccounts:\n", endpoint)
		for d := range 10 {
			user := []string{"", "username: bank_outages, "}[d%2]
			_, _ = fmt.Fprintf(&b, "  %s: {%spassword: %s}\n", address(d), user, password)
		}
		return b.String()
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:      livejournal.Spec(),
		Simulator: sim.Simulator(),
		Config:    func(endpoint string) string { return config(endpoint, sim.Password) },
		BadConfig: func(endpoint string) string { return config(endpoint, wrong) },
		Required:  []string{"accounts"},
		Secrets:   []string{sim.Password, wrong},
		Address:   address,
		Refused:   channels.Rejected, // a journal has no address that is wrong: entries are refused
		AckProof:  channels.Delivered,
		AsksFirst: true,
		Drop:      drop,
	})
}

// drop gives a challenge, reads the entry whole and answers nothing.
func drop(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		call, _ := io.ReadAll(req.Body)
		if !strings.Contains(string(call), "getchallenge") {
			return
		}
		const body = `<methodResponse><params><param><value><struct><member><name>challenge</name>` +
			`<value><string>c0:1</string></value></member></struct></value></param></params></methodResponse>`
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}
