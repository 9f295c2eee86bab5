package smtp

import (
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email"
	"github.com/tocsin-dev/tocsin/channels/email/bounce"
)

// Ways of encrypting the session.
const (
	startTLS    = "starttls" // STARTTLS is demanded, never merely tried (RFC 3207)
	implicitTLS = "implicit" // TLS from the first octet (RFC 8314)
	noTLS       = "none"
)

// Ways of authenticating.
const (
	authPlain = "plain"
	authLogin = "login"
)

// config is the adapter's YAML.
type config struct {
	// Host and Port of the relay. Port is 587 by default, 465 with implicit TLS.
	Host string `yaml:"host"`
	Port int    `yaml:"port"`
	// URL stands instead of Host and Port: smtp://host:port, or smtps://host:port for implicit TLS.
	URL string `yaml:"url"`
	// TLS is starttls (the default), implicit or none.
	TLS string `yaml:"tls"`
	// CAFile holds the PEM certificates to trust instead of the system's. It is read whenever a
	// session is opened, so a renewed file needs no restart.
	CAFile string `yaml:"ca_file"`

	Username string          `yaml:"username"`
	Password channels.Secret `yaml:"password"`
	// Auth is plain (the default) or login, for relays that offer nothing better.
	Auth string `yaml:"auth"`

	// From is the mailbox in the From field, with an optional name: Example Bank <notices@example.com>.
	From    string `yaml:"from"`
	ReplyTo string `yaml:"reply_to"`
	// BounceAddress is the mailbox to which bounces go, with the attempt's reference as a
	// subaddress: bounces+<ref>@example.com.
	BounceAddress string `yaml:"bounce_address"`
	// BounceDomain stands instead of BounceAddress: a domain all of whose mailboxes reach the bounce
	// reader, so that the reference is the mailbox: <ref>@bounces.example.com.
	BounceDomain string `yaml:"bounce_domain"`
	// Bounces says how the mail that comes back to these addresses reaches us.
	Bounces bounce.Config `yaml:"bounces"`
	// DKIM are the keys to sign with (RFC 6376), none where the relay signs: one, or one of each algorithm.
	DKIM []dkimKey `yaml:"dkim"`
	// UnsubscribeURL goes into List-Unsubscribe (RFC 2369): an https: or mailto: URL. Messages that have
	// a link of their own get that, and the mailbox beside it.
	UnsubscribeURL string `yaml:"unsubscribe_url"`

	// Helo is how we introduce ourselves, by default this host's name.
	Helo string `yaml:"helo"`
	// IdleTimeout is how long an unused session is kept, by default 30 seconds.
	IdleTimeout time.Duration `yaml:"idle_timeout"`

	from, replyTo netmail.Address
}

// defaultIdle is shorter than any relay's patience with an idle client, which RFC 5321 would have be
// five minutes and busy relays cut to one.
const defaultIdle = 30 * time.Second

// readConfig decodes the configuration, fills in the defaults and checks the values.
func readConfig(decode func(any) error) (config, error) {
	var c config
	if err := decode(&c); err != nil {
		return c, err
	}
	for _, step := range []func() error{c.checkURL, c.checkTLS, c.checkHost, c.checkAuth, c.checkMailboxes, c.checkBounces, c.checkDKIM, c.checkRest} {
		if err := step(); err != nil {
			return c, fmt.Errorf("smtp: %w", err)
		}
	}
	return c, nil
}

// checkURL takes the url apart. It never repeats it: somebody may have put a password there.
func (c *config) checkURL() error {
	if c.URL == "" {
		return nil
	}
	if c.Host != "" || c.Port != 0 {
		return errors.New("url: not together with host or port")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return errors.New("url: not of the form smtp://host:port")
	}
	if u.User != nil {
		return errors.New("url: credentials belong into username and password")
	}
	switch {
	case u.Scheme == "smtps" && (c.TLS == "" || c.TLS == implicitTLS):
		c.TLS = implicitTLS
	case u.Scheme != "smtp":
		return errors.New("url: the scheme is smtp, or smtps together with implicit tls")
	}
	c.Host = u.Hostname()
	if u.Port() != "" {
		c.Port, err = strconv.Atoi(u.Port())
	}
	return err
}

func (c *config) checkTLS() error {
	switch c.TLS {
	case "":
		c.TLS = startTLS
	case startTLS, implicitTLS, noTLS:
	default:
		return fmt.Errorf("tls: %q is not one of starttls, implicit, none", c.TLS)
	}
	if c.CAFile != "" && c.TLS == noTLS {
		return errors.New("ca_file: of no use with tls: none")
	}
	return nil
}

func (c *config) checkHost() error {
	if c.Host == "" {
		return errors.New("host or url is required")
	}
	if strings.ContainsAny(c.Host, "/ \t\r\n") {
		return fmt.Errorf("host: %q is no host name", c.Host)
	}
	switch {
	case c.Port == 0 && c.TLS == implicitTLS:
		c.Port = 465
	case c.Port == 0:
		c.Port = 587
	case c.Port < 1 || c.Port > 65535:
		return fmt.Errorf("port: %d is not between 1 and 65535", c.Port)
	}
	return nil
}

func (c *config) checkAuth() error {
	switch c.Auth {
	case "":
		c.Auth = authPlain
	case authPlain, authLogin:
	default:
		return fmt.Errorf("auth: %q is not one of plain, login", c.Auth)
	}
	if c.Username == "" && c.Password == "" {
		return nil
	}
	if c.Username == "" {
		return errors.New("username is required with password")
	}
	if c.Password == "" {
		return errors.New("password is required with username")
	}
	if c.TLS == noTLS && !isLoopback(c.Host) {
		return errors.New("username: not with tls: none, which would send the password in the clear")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *config) checkMailboxes() error {
	if c.From == "" {
		return errors.New("from is required")
	}
	var err error
	if c.from, err = parseMailbox(c.From); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if c.ReplyTo != "" {
		if c.replyTo, err = parseMailbox(c.ReplyTo); err != nil {
			return fmt.Errorf("reply_to: %w", err)
		}
	}
	if c.BounceAddress != "" && c.BounceDomain != "" {
		return errors.New("bounce_domain: not together with bounce_address")
	}
	if c.BounceAddress != "" {
		if c.BounceAddress, err = email.CheckAddress(c.BounceAddress); err != nil {
			return fmt.Errorf("bounce_address: %w", err)
		}
	}
	if c.BounceDomain != "" {
		if err = email.CheckDomain(c.BounceDomain); err != nil {
			return fmt.Errorf("bounce_domain: %w", err)
		}
	}
	return nil
}

func (c *config) checkBounces() error {
	if !c.Bounces.Empty() && c.BounceAddress == "" && c.BounceDomain == "" {
		return errors.New("bounces: bounce_address or bounce_domain is required with it")
	}
	return c.Bounces.Check()
}

// addresses are those to which bounces come, by which attempts are known again.
func (c *config) addresses() bounce.Addresses {
	_, domain, _ := strings.Cut(c.from.Address, "@")
	return bounce.Addresses{Mailbox: c.BounceAddress, Domain: c.BounceDomain, IDs: domain}
}

// parseMailbox reads a mailbox with an optional name.
func parseMailbox(s string) (netmail.Address, error) {
	parsed, err := netmail.ParseAddress(s)
	if err != nil {
		return netmail.Address{}, err
	}
	parsed.Address, err = email.CheckAddress(parsed.Address)
	return *parsed, err
}

func (c *config) checkRest() error {
	if c.UnsubscribeURL != "" {
		u, err := url.Parse(c.UnsubscribeURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "mailto" || strings.ContainsAny(c.UnsubscribeURL, "<> \t") || !isASCII(c.UnsubscribeURL) {
			return errors.New("unsubscribe_url: neither an https: nor a mailto: URL")
		}
	}
	if strings.ContainsAny(c.Helo, " \t\r\n") || !isASCII(c.Helo) {
		return errors.New("helo: not a host name")
	}
	switch {
	case c.IdleTimeout == 0:
		c.IdleTimeout = defaultIdle
	case c.IdleTimeout < 0:
		return errors.New("idle_timeout: less than 0")
	}
	return nil
}
