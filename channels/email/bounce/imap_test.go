package bounce

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	testUser     = "bounces"
	testPassword = "hunter2"
)

// testCertificate is one for 127.0.0.1, with the file of who vouches for it.
func testCertificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, path
}

// serveIMAP serves a mailbox, and returns it and the configuration for it.
func serveIMAP(t *testing.T, scheme string, caps ...imap.Cap) (*imapmemserver.User, IMAP) {
	t.Helper()
	server, ca := testCertificate(t)
	user := imapmemserver.NewUser(testUser, testPassword)
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	all := imapmemserver.New()
	all.AddUser(user)
	set := imap.CapSet{imap.CapIMAP4rev1: {}}
	for _, c := range caps {
		set[c] = struct{}{}
	}
	srv := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return all.NewSession(), nil, nil
		},
		Caps: set, TLSConfig: server, Logger: log.New(io.Discard, "", 0),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := IMAP{URL: scheme + "://" + l.Addr().String(), Username: testUser, Password: testPassword, CAFile: ca}
	if scheme == "imaps" {
		l = tls.NewListener(l, server)
	}
	ended := make(chan struct{})
	go func() {
		_ = srv.Serve(l) // ends with the listener
		close(ended)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-ended
	})
	return user, c
}

func put(t *testing.T, user *imapmemserver.User, name string) {
	t.Helper()
	message := bytes.ReplaceAll(readFile(t, name), []byte("\n"), []byte("\r\n"))
	if _, err := user.Append("INBOX", literal{bytes.NewReader(message)}, &imap.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

func unseen(t *testing.T, user *imapmemserver.User) uint32 {
	t.Helper()
	s, err := user.Status("INBOX", &imap.StatusOptions{NumUnseen: true})
	if err != nil {
		t.Fatal(err)
	}
	return *s.NumUnseen
}

func TestIMAP(t *testing.T) {
	for _, scheme := range []string{"imap", "imaps"} {
		t.Run(scheme, func(t *testing.T) {
			user, c := serveIMAP(t, scheme, imap.CapIdle)
			put(t, user, "postfix-unknown")
			m, far := &imapBox{c: c, addresses: testAddresses(), every: time.Hour}, newCore()
			stop := start(t, func(ctx context.Context) error { return m.listen(ctx, far.hear) })
			if diff := cmp.Diff(dead(), far.next(t)); diff != "" {
				t.Errorf("heard (-want +got):\n%s", diff)
			}
			if later := far.once(t, func() { put(t, user, "qmail") }); !cmp.Equal(dead().Receipts[0], later.Receipts[0]) {
				t.Errorf("heard later: %+v", later)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestIMAPKeepsWhatWasNotStored: it stays unseen, and is heard again.
func TestIMAPKeepsWhatWasNotStored(t *testing.T) {
	user, c := serveIMAP(t, "imaps")
	put(t, user, "postfix-unknown")
	m, far := &imapBox{c: c, addresses: testAddresses(), every: time.Hour}, newCore()
	far.failing.Store(true)
	if err := m.listen(t.Context(), far.hear); err == nil || unseen(t, user) != 1 {
		t.Errorf("error %v, %d unseen; want an error and the message", err, unseen(t, user))
	}
	far.failing.Store(false)
	client, err := m.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := m.sweep(t.Context(), client, far.hear); err != nil || unseen(t, user) != 0 {
		t.Errorf("later: %v, %d unseen", err, unseen(t, user))
	}
	far.next(t)
}

func TestIMAPRefused(t *testing.T) {
	_, c := serveIMAP(t, "imap")
	_, other := testCertificate(t)
	wrong, foreign, elsewhere, nowhere := c, c, c, c
	wrong.Password = "hunter3"
	foreign.CAFile = other
	elsewhere.Mailbox = "Archive"
	nowhere.CAFile = filepath.Join(t.TempDir(), "none.pem")
	for name, c := range map[string]IMAP{"password": wrong, "certificate": foreign, "mailbox": elsewhere, "ca_file": nowhere} {
		m := &imapBox{c: c, addresses: testAddresses(), every: time.Hour}
		err := m.listen(t.Context(), newCore().hear)
		if err == nil || strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), testUser+" ") {
			t.Errorf("wrong %s: %v", name, err)
		}
	}
}

func TestIMAPConfig(t *testing.T) {
	good := IMAP{URL: "imaps://mail.example.com", Username: "u", Password: "p"}
	if address, implicit, err := good.server(); address != "mail.example.com:993" || !implicit || err != nil {
		t.Errorf("%q, %v, %v", address, implicit, err)
	}
	for name, change := range map[string]func(*IMAP){
		"no url":      func(c *IMAP) { c.URL = "" },
		"scheme":      func(c *IMAP) { c.URL = "pop3://mail.example.com" },
		"credentials": func(c *IMAP) { c.URL = "imaps://u:hunter2@mail.example.com" },
		"no username": func(c *IMAP) { c.Username = "" },
		"no password": func(c *IMAP) { c.Password = channels.Secret("") },
	} {
		c := good
		change(&c)
		if err := (Config{IMAP: c}).Check(); err == nil || !strings.HasPrefix(err.Error(), "bounces.imap.") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ways := (Config{IMAP: good}).Ways(testAddresses()); len(ways) != 1 || !ways[0].Alone {
		t.Errorf("ways %+v, want a mailbox that one reads", ways)
	}
}
