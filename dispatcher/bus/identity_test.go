package bus_test

import (
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

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

// authority makes certificates.
type authority struct {
	*testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t, dir: t.TempDir()}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = a.newKey()
	a.cert = a.sign("ca", tmpl, tmpl, a.key)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	return key
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name+".pem") }

func (a *authority) write(name, kind string, der []byte) {
	if err := os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.Fatal(err)
	}
}

// sign signs a certificate with the authority's key, and writes it.
func (a *authority) sign(name string, tmpl, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, a.key)
	if err != nil {
		a.Fatal(err)
	}
	a.write(name, "CERTIFICATE", der)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return cert
}

// issue makes a certificate for loopback, in files name.pem and name-key.pem.
func (a *authority) issue(name string) {
	key := a.newKey()
	a.sign(name, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a.cert, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.Fatal(err)
	}
	a.write(name+"-key", "PRIVATE KEY", der)
}

// TestTLSAndNKey connects to a server that wants a certificate and an NKey, and is known by its own
// certificate; whoever lacks any of these is told.
func TestTLSAndNKey(t *testing.T) {
	a := newAuthority(t)
	a.issue("server")
	a.issue("client")
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	seedPath := filepath.Join(a.dir, "user.nk")
	if err := os.WriteFile(seedPath, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	address := secureServer(t, a, public)
	good := bus.Options{
		URL: address, NKey: seedPath, MaxBytes: bustest.MaxBytes,
		TLS: bus.TLS{CA: a.path("ca"), Cert: a.path("client"), Key: a.path("client-key")},
	}
	b := connect(t, good)
	if err := b.PublishUpdate(t.Context(), "payments", "x", []byte("{}")); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*bus.Options){
		"authority":   func(o *bus.Options) { o.TLS.CA = "" },
		"certificate": func(o *bus.Options) { o.TLS.Cert, o.TLS.Key = "", "" },
		"nkey":        func(o *bus.Options) { o.NKey = "" },
		"nkey file":   func(o *bus.Options) { o.NKey = a.path("client") },
		"credentials": func(o *bus.Options) { o.NKey, o.Credentials = "", a.path("nothing") },
	} {
		bad := good
		change(&bad)
		if b, err := bus.Connect(t.Context(), bad); err == nil {
			b.Close()
			t.Errorf("connecting without the right %s went well", what)
		} else if !strings.Contains(err.Error(), "nats") {
			t.Errorf("connecting without the right %s: %v", what, err)
		}
	}
}

// secureServer starts a server that wants a certificate of the authority, and one user's NKey.
func secureServer(t *testing.T, a *authority, user string) string {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(a.path("server"), a.path("server-key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		TLS: true, TLSVerify: true, TLSTimeout: 5, Nkeys: []*server.NkeyUser{{Nkey: user}},
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	return "tls://" + ns.Addr().String()
}
