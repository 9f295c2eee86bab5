package smtp

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/tocsin-dev/tocsin/channels/email"
)

// dkimKey is a key to sign with, as it is configured.
type dkimKey struct {
	// Domain is the one that signs, by default that of From; Selector says where in it the public key is:
	// <selector>._domainkey.<domain>.
	Domain   string `yaml:"domain"`
	Selector string `yaml:"selector"`
	// KeyFile holds the private key, RSA or Ed25519 (RFC 8463), in PEM. It is read whenever a session is
	// opened, so a renewed file needs no restart.
	KeyFile string `yaml:"key_file"`
}

func (c *config) checkDKIM() error {
	for i := range c.DKIM {
		k := &c.DKIM[i]
		if k.Domain == "" {
			_, k.Domain, _ = strings.Cut(c.from.Address, "@")
		}
		if err := email.CheckDomain(k.Domain); err != nil {
			return fmt.Errorf("dkim[%d].domain: %w", i, err)
		}
		if err := email.CheckDomain(k.Selector + "." + k.Domain); k.Selector == "" || err != nil {
			return fmt.Errorf("dkim[%d].selector: must be one or more parts of a domain name", i)
		}
		if k.KeyFile == "" {
			return fmt.Errorf("dkim[%d].key_file is required", i)
		}
	}
	return nil
}

// signers sign messages, one signature for each.
type signers []dkim.SignOptions

// newSigners reads the keys. Its error names the file, and nothing of what is in it.
func newSigners(keys []dkimKey) (signers, error) {
	var all signers
	for _, k := range keys {
		key, err := readKey(k.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading dkim.key_file: %w", err)
		}
		all = append(all, dkim.SignOptions{
			Domain: k.Domain, Selector: k.Selector, Signer: key, HeaderKeys: signedFields(),
			// Relays on the way may fold a header anew, or drop spaces at the end of lines.
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
	}
	return all, nil
}

// signedFields are the fields that are signed where a message has them: what RFC 6376, section 5.4.1,
// recommends, what RFC 8058, section 4, asks for with one-click unsubscription, and what says that nobody
// wrote this by hand.
func signedFields() []string {
	return []string{
		"From", "Reply-To", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
		"List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Language",
	}
}

// minRSA is the shortest RSA key that signs, in bits: receivers need not accept less (RFC 8301, section 3.2).
const minRSA = 1024

func readKey(path string) (crypto.Signer, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("not in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("not a private key in PKCS #8 or PKCS #1")
	}
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return k, nil
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSA {
			return nil, fmt.Errorf("an RSA key of fewer than %d bits", minRSA)
		}
		return k, nil
	}
	return nil, errors.New("neither an RSA nor an Ed25519 key")
}

// sign puts the signatures before a message, which must not be changed after but for its dots.
func (all signers) sign(message *bytes.Buffer) error {
	if len(all) == 0 {
		return nil
	}
	var fields strings.Builder
	for i := range all {
		field, err := all.one(i, message.Bytes())
		if err != nil {
			return fmt.Errorf("signing: %w", err)
		}
		fields.WriteString(field)
	}
	unsigned := bytes.Clone(message.Bytes())
	message.Reset()
	message.WriteString(fields.String())
	message.Write(unsigned)
	return nil
}

func (all signers) one(i int, message []byte) (string, error) {
	s, err := dkim.NewSigner(&all[i])
	if err != nil {
		return "", err
	}
	_, err = s.Write(message)
	if err = errors.Join(err, s.Close()); err != nil {
		return "", err
	}
	return s.Signature(), nil
}
