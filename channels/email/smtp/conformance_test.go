package smtp_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/email/smtp"
	"github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
)

const wrongPassword = "not-the-password"

func suiteConfig(password string) func(endpoint string) string {
	return func(endpoint string) string {
		return "url: " + endpoint + "\ntls: none\nusername: " + sim.Username + "\npassword: " + password +
			"\nfrom: Example Bank <notices@example.com>\nbounce_address: bounces@example.com\n"
	}
}

func TestConformance(t *testing.T) {
	channeltest.Run(t, channeltest.Harness{
		Spec:      smtp.Spec(),
		Simulator: sim.Simulator(),
		Config:    suiteConfig(sim.Password),
		BadConfig: suiteConfig(wrongPassword),
		Required:  []string{"url", "from"},
		Secrets:   []string{sim.Password, wrongPassword},
		Address:   func(d int) string { return fmt.Sprintf("customer.%d@example.com", d) },
		Drop:      drop,
	})
}

// drop plays a relay without PIPELINING up to the final dot, which it reads and doesn't answer.
func drop(conn net.Conn) {
	r := bufio.NewReader(conn)
	answer := "220 relay.example ESMTP"
	for {
		if _, err := conn.Write([]byte(answer + "\r\n")); err != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "EHLO":
			answer = "250-relay.example\r\n250 AUTH PLAIN"
		case "AUTH":
			answer = "235 2.7.0 Welcome"
		case "DATA":
			_, _ = conn.Write([]byte("354 Go ahead\r\n"))
			readMessage(r)
			return
		default:
			answer = "250 2.0.0 OK"
		}
	}
}

// readMessage reads up to the final dot.
func readMessage(r *bufio.Reader) {
	for line := ""; line != ".\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			return
		}
	}
}
