package lint

import (
	"net"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// link is one in a text, or the host of a mail address.
type link struct {
	text   string // as it stands
	at     int    // where it begins, in bytes
	scheme string // "http", "https", "" where there is none, "mailto" for a mail address
	user   string
	host   string // in small letters, without a port
	port   string
}

var linkPattern = regexp.MustCompile(`(?i)(?:([a-z][a-z0-9+.-]{1,9})://)([^\s<>"]+)|([^\s<>"@()]+)@((?:[\pL\pN_-]+\.)+[\pL\pN-]{2,})|` +
	`((?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[\pL\pN_-]+\.)+[\pL\pN-]{2,})(?::[0-9]+)?(?:[/?#][^\s<>"]*)?)`)

// findLinks finds what a reader could follow: with a scheme, or a host's name or address without one.
func findLinks(text string) []link {
	var all []link
	for _, m := range linkPattern.FindAllStringSubmatchIndex(text, -1) {
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return text[m[2*i]:m[2*i+1]]
		}
		l, ok := readLink(group(0), group(1), group(2), group(4), group(5))
		if l.at = m[0]; ok {
			all = append(all, l)
		}
	}
	return all
}

// readLink makes a link of what the pattern found: a scheme and what follows, a mail address's host, or a
// host that may be none.
func readLink(text, scheme, rest, mailHost, host string) (l link, ok bool) {
	switch {
	case scheme != "":
		return parseLink(trimMarks(text), strings.ToLower(scheme), trimMarks(rest)), true
	case mailHost != "":
		return link{text: text, scheme: "mailto", host: strings.ToLower(mailHost)}, true
	}
	return parseLink(trimMarks(host), "", trimMarks(host)), bare(host)
}

// trimMarks cuts what ends the sentence rather than the link.
func trimMarks(s string) string { return strings.TrimRight(s, `.,;:!?)]}»”"'…`) }

// bare says whether what stands without a scheme is a link: by its ending, or as an address of four numbers.
func bare(s string) bool {
	host, _, _ := strings.Cut(s, "/")
	host, _, _ = strings.Cut(host, ":")
	ending := host[strings.LastIndexByte(host, '.')+1:]
	if net.ParseIP(host) != nil {
		return true
	}
	return slices.Contains(knownLinks().Endings, ending) // in small letters: "end.The next" is two sentences
}

func parseLink(text, scheme, rest string) link {
	l := link{text: text, scheme: scheme}
	authority := rest
	if at := strings.IndexAny(rest, "/?#\\"); at >= 0 {
		authority = rest[:at]
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		l.user, authority = authority[:at], authority[at+1:]
	}
	if strings.HasPrefix(authority, "[") {
		l.host = strings.Trim(authority, "[]")
		return l
	}
	l.host, l.port, _ = strings.Cut(authority, ":")
	l.host = strings.TrimSuffix(strings.ToLower(l.host), ".")
	return l
}

// Faults of a link, one each, the worst first.
const (
	soundLink = iota
	lookalikeLink
	addressLink
	shortenedLink
	foreignLink
	plainLink
)

// judge finds what is wrong with a link.
func (m *message) judge(l link) int {
	own := within(l.host, m.settings.Domains)
	switch {
	case l.scheme == "mailto":
		if own || len(m.settings.Domains) == 0 {
			return soundLink
		}
		if looksLike(l.host, m.settings.Domains) {
			return lookalikeLink
		}
		return foreignLink
	case !own && (looksLike(l.host, m.settings.Domains) || mixed(l.host)):
		return lookalikeLink
	case net.ParseIP(l.host) != nil || numeric(l.host) || encoded(l.host) || l.user != "" || l.port != "":
		return addressLink
	case !own && within(l.host, knownLinks().Shorteners):
		return shortenedLink
	case !own && len(m.settings.Domains) > 0:
		return foreignLink
	case l.scheme != "https" && l.scheme != "":
		return plainLink
	}
	return soundLink
}

// numeric says whether a host is an address written as one number, 3232235777 or 0xC0A80101: it begins
// with a digit and has no other letters than such a number.
func numeric(host string) bool {
	return host != "" && unicode.IsDigit(rune(host[0])) && strings.Trim(host, "0123456789abcdefx.") == ""
}

// encoded says whether a host has a label in Punycode, which says nothing to readers.
func encoded(host string) bool {
	return strings.HasPrefix(host, "xn--") || strings.Contains(host, ".xn--")
}

// mixed says whether a label of a host mixes Latin and Cyrillic letters.
func mixed(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if latin, cyrillic := letters(label); latin > 0 && cyrillic > 0 {
			return true
		}
	}
	return false
}

// within says whether a host is one of the domains or below it.
func within(host string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool {
		d = strings.ToLower(d)
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

// linkHits tells the links with a fault: the update's own, and those in texts.
func (m *message) linkHits(fault int, reason string) []hit {
	var hits []hit
	own := ""
	for _, l := range findLinks(m.u.Link) {
		own = l.text
		if m.judge(l) == fault {
			hits = append(hits, hit{place: "link", words: l.text, reason: reason})
		}
	}
	for _, p := range m.passages() {
		for _, l := range p.links {
			if l.text != own && m.judge(l) == fault {
				hits = append(hits, p.hit(l.text, reason))
			}
		}
	}
	return hits
}

func linkScheme(m *message) []hit {
	return m.linkHits(plainLink, "is no https link: on the way it can be changed by others")
}

func linkAddress(m *message) []hit {
	return m.linkHits(addressLink, "is an address that nobody can recognise: name the host, without port or user")
}

func linkShortener(m *message) []hit {
	return m.linkHits(shortenedLink, "hides where it leads: write the whole link")
}

func linkLookalike(m *message) []hit {
	return m.linkHits(lookalikeLink, "looks like one of the organisation's domains and is none: "+strings.Join(m.settings.Domains, ", "))
}

func linkDomain(m *message) []hit {
	return m.linkHits(foreignLink, "is not on a domain of the organisation's: "+strings.Join(m.settings.Domains, ", "))
}
