package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/tocsin-dev/tocsin/channels"
)

// goodbye is how long we wait for the answer to QUIT.
const goodbye = time.Second

// session is one authenticated connection to the relay. It serves one Send at a time.
type session struct {
	conn       net.Conn // the TCP connection; closing it ends whatever is under way
	client     *gosmtp.Client
	text       *textproto.Conn
	pipelining bool
	dsn        bool
	signers    signers

	broken bool // of no further use
	begun  bool // a transaction was begun and not ended: RSET comes before the next

	idleSince time.Time
	message   bytes.Buffer // kept for its memory
}

// dialer opens sessions. Each gets a go-mail Client of its own: a shared one takes locks on every
// call, and its dialling writes to what other dials read.
type dialer struct {
	c config
}

// options are go-mail's settings for one session. go-mail's own timeout is not used: the context of
// the Send ends an exchange, see [session.guard].
func (d *dialer) options(tlsConfig *tls.Config, dial mail.DialContextFunc) []mail.Option {
	options := []mail.Option{
		mail.WithPort(d.c.Port),
		mail.WithTLSConfig(tlsConfig),
		mail.WithTLSPolicy(mail.NoTLS),
		mail.WithDialContextFunc(dial),
	}
	if d.c.TLS == startTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if d.c.Helo != "" {
		options = append(options, mail.WithHELO(d.c.Helo))
	}
	return options
}

// open connects, encrypts and authenticates, until ctx ends. Its error is one of [openingError]'s.
func (d *dialer) open(ctx context.Context) (*session, error) {
	tlsConfig, err := d.tlsConfig()
	if err != nil {
		return nil, &channels.Error{Class: channels.Unavailable, Code: "ca_file", Err: err}
	}
	signers, err := newSigners(d.c.DKIM)
	if err != nil {
		return nil, &channels.Error{Class: channels.Unavailable, Code: "dkim", Err: err}
	}
	s := &session{signers: signers}
	release, err := d.greet(ctx, s, tlsConfig)
	if err == nil {
		err = d.authenticate(s.client)
	}
	if err == nil {
		err = s.takeOver()
	}
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.drop() // go-mail leaves the connection open when a later step fails
		return nil, openingError(ctx, err)
	}
	return s, nil
}

// greet has go-mail connect, say EHLO, and go through STARTTLS where that is configured. It sets
// s.conn as soon as there is a connection, with a guard on it that release ends.
func (d *dialer) greet(ctx context.Context, s *session, tlsConfig *tls.Config) (release func() bool, err error) {
	release = func() bool { return true }
	dial := func(dialCtx context.Context, network, address string) (net.Conn, error) {
		if err := s.connect(dialCtx, network, address); err != nil {
			return nil, err
		}
		release = s.guard(ctx) // not dialCtx, which go-mail cancels when it has done
		return d.encrypted(dialCtx, s.conn, tlsConfig)
	}
	client, err := mail.NewClient(d.c.Host, d.options(tlsConfig, dial)...)
	if err != nil {
		return release, err
	}
	s.client, err = client.DialToSMTPClientWithContext(ctx)
	return release, err
}

func (s *session) connect(ctx context.Context, network, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err == nil {
		s.conn = conn
	}
	return err
}

// encrypted begins implicit TLS on a new connection, where it is configured.
func (d *dialer) encrypted(ctx context.Context, conn net.Conn, tlsConfig *tls.Config) (net.Conn, error) {
	if d.c.TLS != implicitTLS {
		return conn, nil
	}
	encrypted := tls.Client(conn, tlsConfig)
	return encrypted, encrypted.HandshakeContext(ctx)
}

// errNotOffered says that the relay doesn't offer the way of authenticating that is configured.
var errNotOffered = errors.New("AUTH is not offered in the configured way")

func (d *dialer) authenticate(client *gosmtp.Client) error {
	if d.c.Username == "" {
		return nil
	}
	_, offered := client.Extension("AUTH")
	if !slices.Contains(strings.Fields(offered), strings.ToUpper(d.c.Auth)) {
		return errNotOffered
	}
	inClear := d.c.TLS == noTLS // only to this machine, see checkAuth
	if d.c.Auth == authLogin {
		return client.Auth(gosmtp.LoginAuth(d.c.Username, d.c.Password.Reveal(), d.c.Host, inClear))
	}
	return client.Auth(gosmtp.PlainAuth("", d.c.Username, d.c.Password.Reveal(), d.c.Host, inClear))
}

// takeOver readies a session that go-mail has opened.
func (s *session) takeOver() error {
	s.text = s.client.Text
	s.pipelining, _ = s.client.Extension("PIPELINING")
	s.dsn, _ = s.client.Extension("DSN")
	return s.conn.SetDeadline(time.Time{}) // go-mail's, from dialling
}

// guard has the end of ctx close the connection, which ends any exchange, however many deadlines are
// set in it. The function returned ends the guard; it returns false if the connection was closed.
func (s *session) guard(ctx context.Context) (release func() bool) {
	conn := s.conn
	return context.AfterFunc(ctx, func() { _ = conn.Close() })
}

func (d *dialer) tlsConfig() (*tls.Config, error) {
	t := &tls.Config{ServerName: d.c.Host, MinVersion: tls.VersionTLS12}
	if d.c.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(d.c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading ca_file: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in ca_file")
	}
	return t, nil
}

// drop closes the connection without a word.
func (s *session) drop() {
	s.broken = true
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// quit ends the session in order, within a second.
func (s *session) quit() {
	if s.conn.SetDeadline(time.Now().Add(goodbye)) == nil {
		_ = s.client.Quit()
	}
	s.drop()
}
