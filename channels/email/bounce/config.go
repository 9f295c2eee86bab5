package bounce

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// Config says how bounces come in: in any number of the ways.
type Config struct {
	// Listen is where mail is taken: smtp://host:port or lmtp://host:port, or lmtp:///path of a socket. It is
	// for the mail system that receives mail for the bounce addresses to pass it on to.
	Listen string `yaml:"listen"`
	// CertFile and KeyFile, in PEM, offer STARTTLS on Listen. They are read anew for each session.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Maildir is the directory of a maildir into which a mail system delivers. What was read goes from its
	// new to its cur, and stays there.
	Maildir string `yaml:"maildir"`
	// IMAP is a mailbox into which bounces are delivered.
	IMAP IMAP `yaml:"imap"`
}

// IMAP says where a mailbox is. What was read in it is marked as seen, and stays there.
type IMAP struct {
	// URL is imaps://host, or imap://host for STARTTLS, each with a port where it isn't the usual one.
	URL string `yaml:"url"`
	// Mailbox is INBOX by default.
	Mailbox  string          `yaml:"mailbox"`
	Username string          `yaml:"username"`
	Password channels.Secret `yaml:"password"`
	// CAFile holds the PEM certificates to trust instead of the system's. It is read for each connection.
	CAFile string `yaml:"ca_file"`
}

// Empty reports whether nothing is configured.
func (c Config) Empty() bool { return c == Config{} }

// Check checks the values. Its error names the key, below bounces.
func (c Config) Check() error {
	if c.Listen != "" {
		if _, err := parseListen(c.Listen); err != nil {
			return fmt.Errorf("bounces.listen: %w", err)
		}
	}
	if c.IMAP != (IMAP{}) {
		if err := c.IMAP.check(); err != nil {
			return fmt.Errorf("bounces.imap.%w", err)
		}
	}
	switch {
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("bounces.cert_file: only together with key_file")
	case c.CertFile != "" && c.Listen == "":
		return errors.New("bounces.cert_file: of no use without listen")
	case c.Maildir != "" && !filepath.IsAbs(c.Maildir):
		return errors.New("bounces.maildir: must be an absolute path")
	}
	return nil
}

// Ways are the ways in which bounces come in to the addresses given. The configuration was checked.
func (c Config) Ways(a Addresses) []channels.Way {
	var ways []channels.Way
	if at, err := parseListen(c.Listen); err == nil {
		s := &server{at: at, addresses: a, certFile: c.CertFile, keyFile: c.KeyFile}
		ways = append(ways, channels.Way{Name: "mail", Listen: s.listen})
	}
	if c.Maildir != "" {
		m := &maildir{dir: c.Maildir, addresses: a, every: pollEvery}
		ways = append(ways, channels.Way{Name: "maildir", Alone: true, Listen: m.listen})
	}
	if c.IMAP.URL != "" {
		m := &imapBox{c: c.IMAP, addresses: a, every: idleFor}
		ways = append(ways, channels.Way{Name: "imap", Alone: true, Listen: m.listen})
	}
	return ways
}

func (c IMAP) check() error {
	if _, _, err := c.server(); err != nil {
		return err
	}
	switch {
	case c.Username == "":
		return errors.New("username is required")
	case c.Password == "":
		return errors.New("password is required")
	}
	return nil
}

// server is the address to connect to, and whether TLS begins with the first octet (RFC 8314).
func (c IMAP) server() (address string, implicit bool, err error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.User != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Scheme != "imap" && u.Scheme != "imaps" {
		return "", false, errors.New("url: want imaps://host or imap://host; the password belongs into password")
	}
	port := u.Port()
	switch {
	case port == "" && u.Scheme == "imaps":
		port = "993"
	case port == "":
		port = "143"
	}
	return net.JoinHostPort(u.Hostname(), port), u.Scheme == "imaps", nil
}

// endpoint is where mail is taken.
type endpoint struct {
	network, address string
	lmtp             bool
}

var errListen = errors.New("want smtp://host:port, lmtp://host:port or lmtp:///path/of/a/socket")

func parseListen(s string) (endpoint, error) {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, errListen
	}
	if u.Scheme == "lmtp" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		return endpoint{"unix", u.Path, true}, nil
	}
	_, port, err := net.SplitHostPort(u.Host)
	if err != nil || port == "" || u.Path != "" || u.Scheme != "smtp" && u.Scheme != "lmtp" {
		return endpoint{}, errListen
	}
	return endpoint{"tcp", u.Host, u.Scheme == "lmtp"}, nil
}
