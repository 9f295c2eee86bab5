package channels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// MaxURL bounds a URL that comes from outside, in bytes. Browsers' push endpoints are the longest that
// are known: up to 1,024
// (https://learn.microsoft.com/en-us/windows/apps/develop/notifications/push-notifications/wns-overview).
const MaxURL = 1024

// OutsideConfig is what an adapter whose recipients name the URLs lets be configured, to be inlined in
// its own configuration.
type OutsideConfig struct {
	// AllowNetworks are networks in CIDR form whose hosts may be called though they are special: private
	// addresses, loopback and so on. None is allowed unless it is named.
	AllowNetworks []string `yaml:"allow_networks"`
	// BaseURL takes the place of scheme and host of every URL, for the sandbox. What is at it is trusted.
	BaseURL string `yaml:"base_url"`
}

// Outside calls URLs that recipients gave us: push endpoints, partners' webhooks. Whoever can put an
// address into the directory could otherwise have us call the services of our own network (server-side
// request forgery), so it calls public addresses only.
//
// An address is checked at the moment of connecting to it, after the name was resolved, so a name that
// resolves to something else the second time gains nothing. For the same reason no proxy is used: it
// would be the one to resolve the name. Only https is spoken, and no redirect is followed.
//
// It is safe for concurrent use.
type Outside struct {
	client *http.Client
	agent  string
	base   *API // in place of every host; nil to call them
}

// NewOutside returns a client that takes TLS settings and limits from env.HTTP where its Transport is an
// *http.Transport. An error names the key.
func NewOutside(c OutsideConfig, env Env) (*Outside, error) {
	return newOutside(c, env, nil)
}

// newOutside takes the resolver too; nil is the system's.
func newOutside(c OutsideConfig, env Env, resolver *net.Resolver) (*Outside, error) {
	if c.BaseURL != "" {
		base, err := NewAPI(c.BaseURL, env)
		if err != nil {
			return nil, err
		}
		return &Outside{base: base}, nil
	}
	allowed, err := networks(c.AllowNetworks)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second, Resolver: resolver}
	dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return publicOnly(address, allowed)
	}
	transport := transportOf(env.HTTP)
	transport.DialContext = dialer.DialContext
	client := *env.HTTP
	client.Transport = transport
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Outside{client: &client, agent: env.UserAgent}, nil
}

func networks(cidrs []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, cidr := range cidrs {
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf(`allow_networks: %q is no network, want one as in "10.1.0.0/16"`, cidr)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// transportOf makes a transport with a client's TLS settings and limits, and with none of its ways to
// connect, each of which would pass by the check.
func transportOf(client *http.Client) *http.Transport {
	given, ok := client.Transport.(*http.Transport)
	if !ok {
		return &http.Transport{TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true}
	}
	return &http.Transport{
		TLSClientConfig:       given.TLSClientConfig.Clone(),
		TLSHandshakeTimeout:   given.TLSHandshakeTimeout,
		MaxIdleConns:          given.MaxIdleConns,
		MaxIdleConnsPerHost:   given.MaxIdleConnsPerHost,
		MaxConnsPerHost:       given.MaxConnsPerHost,
		IdleConnTimeout:       given.IdleConnTimeout,
		ResponseHeaderTimeout: given.ResponseHeaderTimeout,
		ExpectContinueTimeout: given.ExpectContinueTimeout,
		ForceAttemptHTTP2:     given.ForceAttemptHTTP2,
	}
}

// Post makes one request to u with a body and reads its answer whole. Its error is an *Error that
// doesn't name the URL; an answer of any status is none. A host at an address that isn't allowed is an
// error of class Rejected, and nothing went out: not InvalidAddress, since a name may resolve to
// something else again when the resolver is well.
func (o *Outside) Post(ctx context.Context, u *url.URL, header http.Header, body []byte) (Answer, error) {
	if o.base != nil {
		return o.base.Call(ctx, http.MethodPost, u.RequestURI(), header, body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil || u.Scheme != "https" {
		return Answer{}, &Error{Class: Rejected, Code: "request", Err: errors.New("the request's URL can't be called")}
	}
	req.Header = header
	req.Header.Set("User-Agent", o.agent)
	status, answered, read, err := Exchange(o.client, req)
	if special, ok := errors.AsType[specialError](err); ok {
		return Answer{}, &Error{Class: Rejected, Code: "special_address", Err: special}
	}
	return Answer{Status: status, Header: answered, Body: read}, err
}

// Close releases connections.
func (o *Outside) Close() error {
	if o.client != nil {
		o.client.CloseIdleConnections()
	}
	return nil
}

// CheckURL parses a URL that comes from outside: absolute, https, of ASCII, at most [MaxURL] bytes,
// without credentials and fragment. It doesn't ask where the host is: that is found out when it is called.
// Its error completes a sentence and doesn't repeat the URL.
func CheckURL(raw string) (*url.URL, error) {
	unprintable := strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' })
	u, err := url.Parse(raw)
	if err != nil || unprintable || !strings.EqualFold(u.Scheme, "https") || u.Hostname() == "" || u.Opaque != "" {
		return nil, errors.New("is no https URL")
	}
	if u.User != nil || u.Fragment != "" || strings.HasSuffix(raw, "#") {
		return nil, errors.New("is a URL with credentials or a fragment")
	}
	u.Host = strings.ToLower(u.Host)
	if max(len(raw), len(u.String())) > MaxURL {
		return nil, fmt.Errorf("is a URL of more than %d bytes", MaxURL)
	}
	return u, nil
}

// specialError says that a host is at an address that isn't public. It doesn't say at which.
type specialError struct{}

func (specialError) Error() string {
	return "the host is at a special address (private, loopback, …) and allow_networks doesn't name it"
}

// publicOnly refuses an address, with its port, unless it is public or allowed.
func publicOnly(address string, allowed []netip.Prefix) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return specialError{}
	}
	ip := a.Addr().Unmap()
	for _, p := range allowed {
		if p.Contains(ip.WithZone("")) {
			return nil
		}
	}
	if special(ip) {
		return specialError{}
	}
	return nil
}
