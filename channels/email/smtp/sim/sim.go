// Package sim is a simulated SMTP relay: an RFC 5321 server on emersion/go-smtp that takes messages
// for any recipient and delivers them nowhere.
//
// It is strict where real relays are lenient, so that it catches what a sender does wrong: see
// the checks of [checker]. What it answers, by the conduct of its desk:
//
//	Unavailable         421 4.3.2 to EHLO on a new connection and to MAIL on an old one
//	RateLimited         450 4.7.1 to MAIL
//	Hanging             nothing, once the message has been read whole
//	a refused address   550 5.1.1 to RCPT
//	a faulty message    554 5.6.0 at the end of the data
//
// Messages are counted at the end of the data, by the recipient's address and the decoded text/plain
// part, so that the same message sent twice counts as a repeat though its Date is another.
//
// AUTH PLAIN takes [Username] and [Password]; any other pair is answered with 535 5.7.8. Clients
// that don't authenticate are served too, unless [Relay.RequireAuth] is set.
package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one pair of credentials that the relay takes.
const (
	Username = "tocsin"
	Password = "sandbox-password"
)

// maxMessage is advertised as SIZE (RFC 1870), in octets.
const maxMessage = 1 << 20

// Relay is a simulated relay. The zero value speaks plain SMTP and asks nobody for credentials.
type Relay struct {
	// TLS, if set, offers STARTTLS with its certificate.
	TLS *tls.Config
	// RequireAuth answers MAIL with 530 5.7.0 until the client has authenticated.
	RequireAuth bool
}

// Simulator is the relay that the sandbox hosts: without TLS and without mandatory AUTH.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "smtp", Scheme: "smtp", Serve: Relay{}.Serve, Address: sandbox.FakeMailbox,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"url": endpoint, "tls": "none", "username": Username, "password": Password,
				"from": "Outages <outages@bank.example>",
			}
		},
	}
}

// Serve serves SMTP on l until ctx ends, and returns when every connection is closed.
func (r Relay) Serve(ctx context.Context, d *sandbox.Desk, l net.Listener) error {
	tracked := &listener{Listener: l, open: map[net.Conn]struct{}{}}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return newSession(ctx, r, d, c)
	}))
	srv.Domain = "relay.sandbox.example"
	srv.TLSConfig = r.TLS
	srv.AllowInsecureAuth = true // it only ever listens for its own machine
	srv.EnableDSN = true
	srv.MaxMessageBytes = maxMessage
	srv.ReadTimeout, srv.WriteTimeout = 5*time.Minute, time.Minute
	srv.ErrorLog = log.New(io.Discard, "", 0) // clients that hang up are part of the play
	stop := context.AfterFunc(ctx, tracked.hangUp)
	err := srv.Serve(tracked)
	stop()
	tracked.hangUp()
	tracked.handlers.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// listener remembers the open connections, so that they can be both closed and waited for: go-smtp
// can do the one or the other.
type listener struct {
	net.Listener
	handlers sync.WaitGroup // one for each open connection

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	l.open[c] = struct{}{}
	l.handlers.Add(1)
	return &conn{Conn: c, from: l}, nil
}

// hangUp stops listening and closes every connection, upon which their handlers end.
func (l *listener) hangUp() {
	_ = l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for c := range l.open {
		_ = c.Close()
	}
}

// conn is a connection that its listener remembers until its handler, about to end, closes it.
type conn struct {
	net.Conn
	from *listener
}

func (c *conn) Close() error {
	c.from.mu.Lock()
	defer c.from.mu.Unlock()
	if _, open := c.from.open[c.Conn]; open {
		delete(c.from.open, c.Conn)
		c.from.handlers.Done()
	}
	return c.Conn.Close()
}
