package channels

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestSpecial has the first and last address of every block of the registries, and public neighbours.
func TestSpecial(t *testing.T) {
	for want, addresses := range map[bool][]string{
		true: {
			"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
			"127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255",
			"172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.8", "192.0.0.255", "192.0.2.0", "192.0.2.255",
			"192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "192.175.48.6",
			"198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.0", "203.0.113.255",
			"224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.255",
			"::", "::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1",
			"64:ff9b:1::1", "100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::",
			"2001:db8::", "2001:db8:ffff:ffff::1", "2002:7f00:1::", "2002:808:808::", "2620:4f:8000::1",
			"3fff::1", "3fff:fff:ffff::", "5f00::1", "fc00::1", "fdff::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1",
			"ff02::1", "ffff::1", "4000::1",
		},
		false: {
			"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
			"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255",
			"192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "223.255.255.255", "::ffff:8.8.8.8",
			"64:ff9b::8.8.8.8", "2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1",
			"2606:4700:4700::1111", "2a00:1450:4001::1", "3ffe::1",
		},
	} {
		for _, a := range addresses {
			if got := special(netip.MustParseAddr(a)); got != want {
				t.Errorf("special(%s) = %v", a, got)
			}
		}
	}
	if !special(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

func TestPublicOnly(t *testing.T) {
	allowed, err := networks([]string{"10.1.2.3/8", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"8.8.8.8:443": true, "10.9.9.9:443": true, "[::ffff:10.9.9.9]:443": true, "[fd12::1]:8443": true, "[fd12::1%eth0]:1": true,
		"127.0.0.1:443": false, "[::1]:443": false, "[::ffff:127.0.0.1]:443": false, "[fe80::1%eth0]:443": false,
		"[fc00::1]:443": false, "192.168.1.1:443": false, "localhost:443": false, "": false,
	} {
		if err := publicOnly(address, allowed); (err == nil) != want {
			t.Errorf("publicOnly(%q): %v", address, err)
		}
	}
	if _, err := networks([]string{"10.0.0.0/8", "10.0.0.1"}); err == nil || !strings.HasPrefix(err.Error(), "allow_networks:") {
		t.Errorf("error %v, want one about allow_networks", err)
	}
}

// inside is a server of our own network, which counts who called it.
func inside(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server, &calls
}

func post(t *testing.T, o *Outside, raw string) (Answer, error) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return o.Post(context.Background(), u, http.Header{"X-Test": {"1"}}, []byte("body"))
}

func newTestOutside(t *testing.T, c OutsideConfig, server *httptest.Server, r *net.Resolver) *Outside {
	t.Helper()
	o, err := newOutside(c, Env{HTTP: server.Client(), UserAgent: "tocsin/1"}, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func TestOutsideRefusesInside(t *testing.T) {
	server, calls := inside(t, func(http.ResponseWriter, *http.Request) {})
	o := newTestOutside(t, OutsideConfig{}, server, nil)
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		_, err := post(t, o, "https://"+host+port+"/secret-token")
		e := AsError(err)
		if e.Class != Rejected || e.Code != "special_address" || strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: error %v, want rejected (special_address)", host, err)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls went out", n)
	}
}

func TestOutsideCallsWhatIsAllowed(t *testing.T) {
	server, calls := inside(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "body" || r.Header.Get("X-Test") != "1" || r.Header.Get("User-Agent") != "tocsin/1" || r.URL.Path != "/hook" {
			t.Errorf("%s %s %v %q", r.Method, r.URL, r.Header, body)
		}
		http.Redirect(w, r, "https://127.0.0.1/elsewhere", http.StatusTemporaryRedirect)
	})
	o := newTestOutside(t, OutsideConfig{AllowNetworks: []string{"127.0.0.0/8"}}, server, nil)
	a, err := post(t, o, server.URL+"/hook")
	if err != nil || a.Status != http.StatusTemporaryRedirect || calls.Load() != 1 {
		t.Errorf("status %d, error %v, %d calls; want the redirect itself", a.Status, err, calls.Load())
	}
	_, err = post(t, o, strings.Replace(server.URL, "https", "http", 1)+"/hook")
	if e := AsError(err); e.Class != Rejected || e.Code != "request" {
		t.Errorf("plain http: error %v, want rejected (request)", err)
	}
}

func TestOutsideUsesNoProxy(t *testing.T) {
	server, calls := inside(t, func(http.ResponseWriter, *http.Request) {})
	client := server.Client()
	client.Transport.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(server.URL) }
	o, err := NewOutside(OutsideConfig{}, Env{HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := post(t, o, server.URL); AsError(err).Code != "special_address" || calls.Load() != 0 {
		t.Errorf("error %v, %d calls; want it refused", err, calls.Load())
	}
}

func TestOutsideBaseURL(t *testing.T) {
	server, calls := inside(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.RequestURI()) })
	o := newTestOutside(t, OutsideConfig{BaseURL: server.URL + "/webpush"}, server, nil)
	a, err := post(t, o, "https://push.example.net/p/1?x=2")
	if err != nil || string(a.Body) != "/webpush/p/1?x=2" || calls.Load() != 1 {
		t.Errorf("answer %q, error %v", a.Body, err)
	}
	for key, c := range map[string]OutsideConfig{"base_url": {BaseURL: "sandbox"}, "allow_networks": {AllowNetworks: []string{"x"}}} {
		if _, err := NewOutside(c, Env{HTTP: server.Client()}); err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("error %v, want one about %s", err, key)
		}
	}
}

// changing is a resolver whose every name is at another address each time it is asked: at the last for
// good. No query leaves the process.
func changing(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	var asked atomic.Int32
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer func() { _ = far.Close() }()
			query, err := readQuery(far)
			if err != nil {
				return
			}
			// A query for IPv6 addresses gets none, and doesn't count.
			var ip net.IP
			if kind := query[len(query)-3]; kind == 1 {
				n := min(int(asked.Add(1)), len(addresses))
				ip = net.ParseIP(addresses[n-1]).To4()
			}
			_, _ = far.Write(dnsAnswer(query, ip))
		}()
		return near, nil
	}}
}

// readQuery reads one query as it comes over TCP (RFC 1035, 4.2.2), up to the end of its question.
func readQuery(r io.Reader) ([]byte, error) {
	size := make([]byte, 2)
	if _, err := io.ReadFull(r, size); err != nil {
		return nil, err
	}
	query := make([]byte, binary.BigEndian.Uint16(size))
	if _, err := io.ReadFull(r, query); err != nil {
		return nil, err
	}
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	return query[:end+5], nil
}

// dnsAnswer answers a query with one address of no lifetime, or with none (RFC 1035, section 4.1).
func dnsAnswer(query []byte, ip net.IP) []byte {
	a := append([]byte{}, query...)
	copy(a[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
	if ip != nil {
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		a = append(a, ip...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)
}

// TestOutsideRebinding: a name that was at an allowed address the first time is at a private one when
// it is called again, and nothing that was learned before lets that pass.
func TestOutsideRebinding(t *testing.T) {
	server, calls := inside(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	// The test server stands for a public one: its address alone is allowed.
	o := newTestOutside(t, OutsideConfig{AllowNetworks: []string{"127.0.0.1/32"}}, server, changing(t, "127.0.0.1", "127.0.0.2", "169.254.169.254"))
	if a, err := post(t, o, "https://example.com"+port); err != nil || a.Status != http.StatusOK {
		t.Fatalf("the first call: status %d, error %v", a.Status, err)
	}
	for range 2 {
		if _, err := post(t, o, "https://example.com"+port); AsError(err).Code != "special_address" {
			t.Errorf("after the name has moved: error %v, want special_address", err)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls went out, want 1", n)
	}
}

func TestCheckURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://Push.Example.net/p/Abc?x=Y":               "https://push.example.net/p/Abc?x=Y",
		"HTTPS://example.com:8443":                         "https://example.com:8443",
		"https://example.com/" + strings.Repeat("a", 1004): "https://example.com/" + strings.Repeat("a", 1004),
		"https://example.com/" + strings.Repeat("a", 1005): "",
		"https://example.com/" + strings.Repeat("<", 1000): "",
		"https://exämple.com/":                             "",
		"http://example.com/":                              "",
		"https:///path":                                    "",
		"https://:443/":                                    "",
		"https:example.com":                                "",
		"//example.com/":                                   "",
		"https://user:pass@example.com/":                   "",
		"https://example.com/#x":                           "",
		"https://example.com/#":                            "",
		"javascript:alert(1)":                              "",
		"https://exa mple.com/":                            "",
		"https://example.com/\x00":                         "",
		"":                                                 "",
	} {
		u, err := CheckURL(raw)
		if want == "" {
			if err == nil || (raw != "" && strings.Contains(err.Error(), raw)) {
				t.Errorf("CheckURL(%.40q) = %v, %v; want an error that doesn't repeat it", raw, u, err)
			}
			continue
		}
		if err != nil || u.String() != want {
			t.Errorf("CheckURL(%.40q) = %v, %v; want %.40q", raw, u, err, want)
		}
	}
}
