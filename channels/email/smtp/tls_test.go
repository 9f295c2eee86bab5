package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// certificate makes a self-signed certificate for 127.0.0.1, and the file that holds it for clients.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "relay of a test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

const credentials = "username: " + sim.Username + "\npassword: " + sim.Password + "\n"

func TestSTARTTLS(t *testing.T) {
	server, ca := certificate(t)
	_, foreign := certificate(t)
	s := serve(t, sim.Relay{TLS: server, RequireAuth: true}, sandbox.Conduct{})
	t.Run("with the relay's certificate", func(t *testing.T) {
		r := newTestRelay(t, s, "tls: starttls\nca_file: "+ca+"\n"+credentials)
		mustSend(t, r, testMessage("one"))
		mustSend(t, r, testMessage("two"))
	})
	for name, more := range map[string]string{
		"a certificate that nobody vouches for": "tls: starttls\n",
		"another CA":                            "tls: starttls\nca_file: " + foreign + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			mustFail(t, newTestRelay(t, s, more+credentials), testMessage("x"), channels.Unavailable, "tls")
		})
	}
	t.Run("a CA file that isn't there", func(t *testing.T) {
		r := newTestRelay(t, s, "tls: starttls\nca_file: "+filepath.Join(t.TempDir(), "none.pem")+"\n")
		mustFail(t, r, testMessage("x"), channels.Unavailable, "ca_file")
	})
	t.Run("a CA file without a certificate", func(t *testing.T) {
		empty := filepath.Join(t.TempDir(), "empty.pem")
		if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
		mustFail(t, newTestRelay(t, s, "tls: starttls\nca_file: "+empty+"\n"), testMessage("x"), channels.Unavailable, "ca_file")
	})
	if n := s.desk.Total().Accepted; n != 2 {
		t.Errorf("the relay accepted %d messages, want 2", n)
	}
	s.awaitClosed(t)
}

// TestSTARTTLSIsDemanded checks that nothing is said in the clear to a relay that offers no TLS.
func TestSTARTTLSIsDemanded(t *testing.T) {
	s := play(t, pipelining, func(_ int, line string) string { return willing(line) })
	r := newTestRelay(t, served{url: s.url}, "tls: starttls\n"+credentials)
	mustFail(t, r, testMessage("x"), channels.Unavailable, "session")
	if _, verbs := s.heard(); verbs != "" {
		t.Errorf("the relay heard %q in the clear", verbs)
	}
}

func TestImplicitTLS(t *testing.T) {
	server, ca := certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	desk := sandbox.NewDesk(ctx, "smtp", sandbox.Conduct{})
	ended := make(chan error, 1)
	go func() { ended <- sim.Relay{RequireAuth: true}.Serve(ctx, desk, l) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	config := "url: smtps://" + l.Addr().String() + "\nfrom: notices@example.com\n" + credentials
	r := newRelay(mustConfig(t, config+"ca_file: "+ca+"\n"))
	defer func() { _ = r.Close() }()
	mustSend(t, r, testMessage("x"))
	distrusting := newRelay(mustConfig(t, config))
	defer func() { _ = distrusting.Close() }()
	mustFail(t, distrusting, testMessage("y"), channels.Unavailable, "tls")
}

func TestAuthentication(t *testing.T) {
	s := serve(t, sim.Relay{RequireAuth: true}, sandbox.Conduct{})
	t.Run("right", func(t *testing.T) {
		mustSend(t, newTestRelay(t, s, credentials), testMessage("x"))
	})
	t.Run("wrong", func(t *testing.T) {
		more := strings.Replace(credentials, sim.Password, "another", 1)
		mustFail(t, newTestRelay(t, s, more), testMessage("x"), channels.Auth, "535 5.7.8")
	})
	t.Run("none", func(t *testing.T) {
		mustFail(t, newTestRelay(t, s, ""), testMessage("x"), channels.Auth, "530 5.7.0")
	})
	t.Run("a method that isn't offered", func(t *testing.T) {
		mustFail(t, newTestRelay(t, s, credentials+"auth: login\n"), testMessage("x"), channels.Auth, "auth_not_offered")
	})
	t.Run("no AUTH offered", func(t *testing.T) {
		bare := play(t, pipelining, func(_ int, line string) string { return willing(line) })
		mustFail(t, newTestRelay(t, served{url: bare.url}, credentials), testMessage("x"), channels.Auth, "auth_not_offered")
	})
	t.Run("LOGIN", func(t *testing.T) {
		answers := []string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 Welcome"}
		s := play(t, []string{"AUTH LOGIN", "PIPELINING"}, func(_ int, line string) string {
			if len(answers) == 0 {
				return willing(line)
			}
			answer := answers[0]
			answers = answers[1:]
			return answer
		})
		mustSend(t, newTestRelay(t, served{url: s.url}, credentials+"auth: login\n"), testMessage("x"))
	})
	t.Run("failing for now", func(t *testing.T) {
		s := play(t, []string{"AUTH PLAIN"}, func(_ int, line string) string {
			if strings.HasPrefix(line, "AUTH") {
				return "454 4.7.0 Temporary authentication failure"
			}
			return willing(line)
		})
		mustFail(t, newTestRelay(t, served{url: s.url}, credentials), testMessage("x"), channels.Unavailable, "454 4.7.0")
	})
}
