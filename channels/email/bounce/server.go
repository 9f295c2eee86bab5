package bounce

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"os"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/tocsin-dev/tocsin/channels"
)

// Limits of what a client may do to the server.
const (
	maxTaken     = 32 << 20 // bytes of a message; reports may quote one with its attachments
	maxTogether  = 100      // connections
	maxTo        = 100      // recipients of a message
	readTimeout  = 5 * time.Minute
	writeTimeout = time.Minute
)

// server takes bounces by SMTP (RFC 5321) or LMTP (RFC 2033): for the bounce addresses, from anybody, and
// nothing else. It sends nothing: what it can't store it asks to be sent again, so that it stays in the
// queue of who sent it.
type server struct {
	at                endpoint
	addresses         Addresses
	certFile, keyFile string
}

// listen is a [channels.Way]'s.
func (s *server) listen(ctx context.Context, hear channels.Hear) error {
	l, err := s.at.open(ctx)
	if err != nil {
		return fmt.Errorf("listening for bounces: %w", err)
	}
	return stopped(ctx, s.serve(ctx, l, hear))
}

// serve takes mail until ctx ends, and returns when all sessions have ended. One that is in the middle of
// a message is cut: its client sends the message again.
func (s *server) serve(ctx context.Context, l net.Listener, hear channels.Hear) error {
	connections := &connections{Listener: l, open: map[net.Conn]bool{}}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		if connections.tooMany() {
			return nil, refusal(421, 4, 3, 2, "Too many connections, try again later")
		}
		return &session{ctx: ctx, addresses: s.addresses, hear: hear}, nil
	}))
	srv.LMTP, srv.Domain = s.at.lmtp, "tocsin"
	srv.TLSConfig = s.tlsConfig()
	srv.MaxMessageBytes, srv.MaxRecipients = maxTaken, maxTo
	srv.ReadTimeout, srv.WriteTimeout = readTimeout, writeTimeout
	srv.EnableSMTPUTF8, srv.EnableDSN = true, true
	srv.ErrorLog = log.New(io.Discard, "", 0) // clients that hang up send again
	stop := context.AfterFunc(ctx, connections.hangUp)
	defer stop()
	err := srv.Serve(connections)
	connections.hangUp()
	_ = srv.Shutdown(context.WithoutCancel(ctx)) // which waits for the sessions; they have lost their connections
	return err
}

// tlsConfig offers STARTTLS where there is a certificate.
func (s *server) tlsConfig() *tls.Config {
	if s.certFile == "" {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
		return &pair, err
	}}
}

// open begins to listen. A socket that a process left behind that was killed is replaced.
func (e endpoint) open(ctx context.Context) (net.Listener, error) {
	if info, err := os.Stat(e.address); e.network == "unix" && err == nil && info.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(e.address) // if it can't be, listening fails and says so
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, e.network, e.address)
}

func refusal(code, class, subject, detail int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: text}
}

// session is one client's. go-smtp calls it from one goroutine.
type session struct {
	ctx       context.Context // of the server, whose end is that of all sessions
	addresses Addresses
	hear      channels.Hear

	from string
	to   []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.addresses.Ours(to) {
		return refusal(550, 5, 1, 1, "Only bounces are taken here")
	}
	s.to = append(s.to, to)
	return nil
}

// Data acknowledges a message when what it says is stored.
func (s *session) Data(r io.Reader) error {
	message, err := io.ReadAll(io.LimitReader(r, maxMessage))
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	for _, to := range s.to {
		m := Mail{From: s.from, To: []string{to}, Message: message}
		if err := s.hear(s.ctx, s.addresses.Read(m).Heard()); err != nil {
			return refusal(451, 4, 3, 0, "Not stored, try again later")
		}
	}
	return nil
}

// connections remembers the open connections, so that they can be counted and closed: go-smtp closes them
// or waits for their sessions, but not both.
type connections struct {
	net.Listener

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
	}
	c.open[conn] = true
	return &connection{conn, c}, nil
}

func (c *connections) tooMany() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open) > maxTogether
}

func (c *connections) hangUp() {
	_ = c.Listener.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.open {
		_ = conn.Close()
	}
}

// connection is forgotten when it is closed.
type connection struct {
	net.Conn
	of *connections
}

func (c *connection) Close() error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	delete(c.of.open, c.Conn)
	return c.Conn.Close()
}
