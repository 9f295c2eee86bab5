package fcm_test

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/push/fcm"
	"github.com/tocsin-dev/tocsin/channels/push/fcm/sim"
)

func TestConformance(t *testing.T) {
	other := newKey(t)
	config := func(endpoint, key string) string {
		return fmt.Sprintf("service_account: '%s'\nlink: https://status.bank.example/\nbase_url: %s\ntoken_url: %s/token\n", sim.ServiceAccount(key), endpoint, endpoint)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:      fcm.Spec(),
		Simulator: sim.Simulator(),
		Config:    func(endpoint string) string { return config(endpoint, sim.PrivateKey) },
		BadConfig: func(endpoint string) string { return config(endpoint, other) },
		Required:  []string{"service_account"},
		Secrets:   []string{strings.Split(sim.PrivateKey, "\n")[1], strings.Split(other, "\n")[1]},
		Address: func(d int) string {
			return "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1-" + strings.Repeat("x", 100) + fmt.Sprint(d)
		},
		RetryAfter: true,
		Drop:       drop,
	})
}

// newKey is the key of some other service account.
func newKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// drop grants an access token, reads the message that follows, and answers nothing.
func drop(conn net.Conn) {
	r := bufio.NewReader(conn)
	for range 2 {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if strings.HasSuffix(req.URL.Path, "/token") {
			const grant = `{"access_token":"ya29.x","expires_in":3599}`
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(grant), grant)
		}
	}
}
