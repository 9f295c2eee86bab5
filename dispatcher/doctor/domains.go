package doctor

import (
	"net"
	"net/url"
	"strings"
)

// Inside returns the one of the domains within which a setting's value lies, "" if none: a URL, a mailbox
// with or without a name, or a host with or without a port. Values of any other form lie in no domain.
func Inside(domains []string, value string) string {
	host := hostOf(value)
	for _, d := range domains {
		d = strings.ToLower(strings.Trim(d, "."))
		if host == d || strings.HasSuffix(host, "."+d) {
			return d
		}
	}
	return ""
}

// hostOf finds the host in a value, in lower case; "" where there can be none.
func hostOf(value string) string {
	value = strings.TrimSpace(value)
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		return normal(u.Hostname())
	}
	if _, domain, ok := cutLast(value, "@"); ok {
		value = strings.TrimSuffix(domain, ">")
	}
	if host, _, err := net.SplitHostPort(value); err == nil {
		value = host
	}
	if strings.ContainsAny(value, " /\t\n") {
		return ""
	}
	return normal(value)
}

func normal(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Domain reports whether d can stand among own domains: labels with a dot between them, and nothing else.
func Domain(d string) bool {
	labels := strings.Split(d, ".")
	for _, l := range labels {
		if l == "" || strings.Trim(strings.ToLower(l), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(labels) > 1
}
