package bounce

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/tocsin-dev/tocsin/channels"
)

// idleFor is how long the server is waited for to tell of new mail (IDLE, RFC 2177) before the mailbox is
// looked at all the same: a connection may be dead without our knowing. A server without IDLE is asked
// as often as a maildir is, times ten.
const idleFor = 2 * time.Minute

// connectTimeout bounds how long it takes to open the mailbox.
const connectTimeout = 30 * time.Second

// imapBox is a mailbox at an IMAP server (RFC 3501).
type imapBox struct {
	c         IMAP
	addresses Addresses
	every     time.Duration
}

// listen is a [channels.Way]'s.
func (m *imapBox) listen(ctx context.Context, hear channels.Hear) error {
	news := make(chan struct{}, 1)
	client, err := m.open(ctx, news)
	if err != nil {
		return stopped(ctx, fmt.Errorf("opening the bounces' mailbox: %w", withoutText(err)))
	}
	release := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer func() {
		release()
		_ = client.Close()
	}()
	for {
		if err := m.sweep(ctx, client, hear); err != nil {
			return stopped(ctx, err)
		}
		if err := m.await(ctx, client, news); err != nil {
			return stopped(ctx, fmt.Errorf("waiting for bounces: %w", withoutText(err)))
		}
	}
}

// open connects, encrypts, logs in and selects the mailbox. The server's word of new mail goes to news.
func (m *imapBox) open(ctx context.Context, news chan<- struct{}) (*imapclient.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	client, err := m.connect(ctx, news)
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer release()
	if err := m.enter(client); err != nil {
		_ = client.Close()
		return nil, err
	}
	return client, nil
}

func (m *imapBox) enter(client *imapclient.Client) error {
	if err := client.Login(m.c.Username, m.c.Password.Reveal()).Wait(); err != nil {
		return err
	}
	mailbox := m.c.Mailbox
	if mailbox == "" {
		mailbox = "INBOX"
	}
	_, err := client.Select(mailbox, nil).Wait()
	return err
}

func (m *imapBox) connect(ctx context.Context, news chan<- struct{}) (*imapclient.Client, error) {
	address, implicit, err := m.c.server()
	if err != nil {
		return nil, err
	}
	config, err := m.tlsConfig(address)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	options := &imapclient.Options{TLSConfig: config, UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				select {
				case news <- struct{}{}:
				default:
				}
			}
		},
	}}
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer release()
	if implicit {
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return imapclient.New(encrypted, options), nil
	}
	client, err := imapclient.NewStartTLS(conn, options)
	if err != nil {
		_ = conn.Close()
	}
	return client, err
}

func (m *imapBox) tlsConfig(address string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(address)
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if err != nil || m.c.CAFile == "" {
		return config, err
	}
	pem, err := os.ReadFile(m.c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading imap.ca_file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in imap.ca_file")
	}
	return config, nil
}

// sweep reads what is new: what nobody has seen.
func (m *imapBox) sweep(ctx context.Context, client *imapclient.Client, hear channels.Hear) error {
	found, err := client.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, nil).Wait()
	if err != nil {
		return fmt.Errorf("looking for bounces: %w", withoutText(err))
	}
	for some := range slices.Chunk(found.AllUIDs(), together) {
		set := imap.UIDSetNum(some...)
		heard, err := m.read(client, set)
		if err != nil {
			return fmt.Errorf("reading bounces: %w", withoutText(err))
		}
		if err := hear(ctx, heard); err != nil {
			return fmt.Errorf("what messages say was not stored: %w", err)
		}
		seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}
		if err := client.Store(set, seen, nil).Close(); err != nil {
			return fmt.Errorf("marking bounces as seen: %w", withoutText(err))
		}
	}
	return nil
}

// read reads some messages, without marking them.
func (m *imapBox) read(client *imapclient.Client, set imap.UIDSet) (channels.Heard, error) {
	beginning := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: maxMessage}}
	fetch := client.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{beginning}})
	var heard channels.Heard
	for message := fetch.Next(); message != nil; message = fetch.Next() {
		data, err := message.Collect()
		if err != nil {
			return heard, errors.Join(err, fetch.Close())
		}
		for _, section := range data.BodySection {
			heard = add(heard, m.addresses.Read(stored(section.Bytes)))
		}
	}
	return heard, fetch.Close()
}

// await waits until the server tells of new mail, for as long as it is trusted to; or for a while, where
// it tells nothing.
func (m *imapBox) await(ctx context.Context, client *imapclient.Client, news <-chan struct{}) error {
	if !client.Caps().Has(imap.CapIdle) {
		return pauseFor(ctx, client, news, 10*pollEvery)
	}
	idle, err := client.Idle()
	if err != nil {
		return err
	}
	waited := pauseFor(ctx, client, news, m.every)
	return errors.Join(waited, idle.Close(), idle.Wait())
}

func pauseFor(ctx context.Context, client *imapclient.Client, news <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-news:
	case <-timer.C:
	case <-client.Closed():
		return errors.New("the server has hung up")
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// withoutText keeps what a server says for people out of an error: it may name the mailbox.
func withoutText(err error) error {
	if e, ok := errors.AsType[*imap.Error](err); ok {
		return fmt.Errorf("the server answered %s [%s]", e.Type, e.Code)
	}
	return err
}
