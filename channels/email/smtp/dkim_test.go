package smtp

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// keyFile writes a private key, as `openssl genpkey` does.
func keyFile(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newKeys makes a key of each algorithm, and the records under which receivers find them.
func newKeys(t testing.TB) (rsaFile, edFile string, lookup func(string) ([]string, error)) {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaPublic, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]string{
		"r1._domainkey.example.com":      "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(rsaPublic),
		"e1._domainkey.mail.example.com": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public),
	}
	return keyFile(t, rsaKey), keyFile(t, edKey), func(name string) ([]string, error) {
		if r := records[name]; r != "" {
			return []string{r}, nil
		}
		return nil, errors.New("no such record: " + name)
	}
}

// received is what a receiver has of a message on the wire.
func received(wire string) string {
	return strings.TrimSuffix(strings.ReplaceAll(wire, "\r\n..", "\r\n."), ".\r\n")
}

func TestDKIM(t *testing.T) {
	rsaFile, edFile, lookup := newKeys(t)
	c := mustConfig(t, "host: relay.example.com\nfrom: notices@example.com\ndkim:\n- {selector: r1, key_file: "+rsaFile+"}\n"+
		"- {selector: e1, domain: mail.example.com, key_file: "+edFile+"}\n")
	all, err := newSigners(c.DKIM)
	if err != nil {
		t.Fatal(err)
	}
	l := newLetterhead(c)
	m := benchMessage(1)
	m.Text = ".\n..a line that begins with dots\n" + m.Text
	m.Topic = "0123456789abcdef0123456789abcdef"
	var b bytes.Buffer
	l.write(&b, m, m.Address, time.Now())
	if err := all.sign(&b); err != nil {
		t.Fatal(err)
	}
	finish(&b)
	message := received(b.String())
	verified, err := dkim.VerifyWithOptions(strings.NewReader(message), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil || len(verified) != 2 {
		t.Fatalf("%d signatures, %v", len(verified), err)
	}
	for i, domain := range []string{"example.com", "mail.example.com"} {
		if verified[i].Err != nil || verified[i].Domain != domain {
			t.Errorf("signature of %s, want %s: %v", verified[i].Domain, domain, verified[i].Err)
		}
	}
	changed := strings.Replace(message, "\r\nSubject: ", "\r\nReply-To: x@example.net\r\nSubject: ", 1)
	verified, err = dkim.VerifyWithOptions(strings.NewReader(changed), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil || len(verified) != 2 || verified[0].Err == nil || verified[1].Err == nil {
		t.Errorf("a Reply-To that was put in goes unnoticed: %v", err)
	}
}

// TestDKIMKeysThatDoNotSign: nothing is sent unsigned.
func TestDKIMKeysThatDoNotSign(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	noKey := filepath.Join(t.TempDir(), "no.pem")
	noPEM := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(noPEM, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, sim.Relay{}, sandbox.Conduct{})
	for name, file := range map[string]string{"another algorithm": keyFile(t, curve), "no file": noKey, "no PEM": noPEM} {
		r := newTestRelay(t, s, "dkim: [{selector: s1, key_file: "+file+"}]\n")
		_, err := send(t, r, testMessage("unsigned"))
		if e := channels.AsError(err); e.Class != channels.Unavailable || e.Code != "dkim" || strings.Contains(e.Error(), "hunter2") {
			t.Errorf("%s: %v, want unavailable (dkim)", name, err)
		}
	}
	if n := s.desk.Total().Accepted; n != 0 {
		t.Errorf("the relay took %d messages", n)
	}
}

// noSigner fails as hardware keys do.
type noSigner struct{ crypto.Signer }

func (noSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("gone")
}

func TestSigningFails(t *testing.T) {
	f := &failure{stepSign, errors.New("signing: the key is gone")}
	if e := f.classify(t.Context(), "ana@example.com"); e.Class != channels.Unavailable || e.Code != "dkim" || f.stale() {
		t.Errorf("%v, stale %v; want unavailable (dkim), and no second session", e, f.stale())
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := signers{{Domain: "example.com", Selector: "s1", Signer: noSigner{key}}}
	if err := all.sign(bytes.NewBufferString("From: a@example.com\r\n\r\n")); err == nil {
		t.Error("a key that can't sign has signed")
	}
}

func TestDKIMConfig(t *testing.T) {
	const base = "host: relay.example.com\nfrom: notices@example.com\n"
	for text, key := range map[string]string{
		"dkim: [{key_file: k.pem}]":                               "dkim[0].selector",
		"dkim: [{selector: a b, key_file: k.pem}]":                "dkim[0].selector",
		"dkim: [{selector: a}]":                                   "dkim[0].key_file",
		"dkim: [{selector: a, key_file: k.pem, domain: nowhere}]": "dkim[0].domain",
		"bounces: {maildir: /var/mail/bounces}":                   "bounce_address",
		"bounce_domain: b.example.com\nbounces: {maildir: x}":     "bounces.maildir",
		"bounce_domain: b.example.com\nbounces: {listen: x}":      "bounces.listen",
	} {
		if _, err := readConfig(yamlDecoder(base + text)); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v, want an error that names %s", text, err, key)
		}
	}
}

// BenchmarkSign measures a signature of each algorithm.
func BenchmarkSign(b *testing.B) {
	rsaFile, edFile, _ := newKeys(b)
	for name, file := range map[string]string{"RSA": rsaFile, "Ed25519": edFile} {
		b.Run(name, func(b *testing.B) {
			c := mustConfig(b, "host: relay.example.com\nfrom: notices@example.com\ndkim: [{selector: s1, key_file: "+file+"}]\n")
			all, err := newSigners(c.DKIM)
			if err != nil {
				b.Fatal(err)
			}
			l, m := newLetterhead(c), benchMessage(1)
			var buf bytes.Buffer
			for b.Loop() {
				buf.Reset()
				l.write(&buf, m, m.Address, time.Now())
				if err := all.sign(&buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
