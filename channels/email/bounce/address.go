package bounce

import (
	"bytes"
	"strings"
)

// maxLocal is the longest local part of an address (RFC 5321, section 4.5.3.1.1).
const maxLocal = 64

// Addresses are the addresses to which bounces are sent, each of which names an attempt.
type Addresses struct {
	// Mailbox takes the reference as a subaddress: bounces@example.com, bounces+<ref>@example.com.
	Mailbox string
	// Domain stands instead of Mailbox: all its mailboxes are references, <ref>@bounces.example.com.
	Domain string
	// IDs is the domain of our messages' Message-IDs, <ref@example.com>.
	IDs string
}

// Sender is the envelope sender of an attempt. A reference that would make the local part longer than
// RFC 5321 allows is left out of a subaddress; a bounce then still quotes it, in the Message-ID.
func (a Addresses) Sender(ref string) string {
	if a.Domain != "" {
		return ref + "@" + a.Domain
	}
	local, domain, _ := strings.Cut(a.Mailbox, "@")
	if len(local)+1+len(ref) > maxLocal {
		return a.Mailbox
	}
	return local + "+" + ref + "@" + domain
}

// Ours reports whether bounces may come to an address: to one of an attempt's, or to the mailbox as it
// is, where mail services may be asked to send feedback reports.
func (a Addresses) Ours(address string) bool {
	if a.Ref(address) != "" {
		return true
	}
	return a.Domain == "" && strings.EqualFold(address, a.Mailbox)
}

// Ref is the reference in an envelope sender that came back, "" if there is none. Some systems change
// the case of a local part; references have one only.
func (a Addresses) Ref(address string) string {
	local, domain, ok := cutLast(strings.ToLower(address), '@')
	if !ok {
		return ""
	}
	if a.Domain != "" {
		return asRef(local, strings.EqualFold(domain, a.Domain))
	}
	mailbox, own, _ := strings.Cut(strings.ToLower(a.Mailbox), "@")
	ref, sub := strings.CutPrefix(local, mailbox+"+")
	return asRef(ref, sub && domain == own)
}

// messageID is the reference in a Message-ID of ours, "" if it is none.
func (a Addresses) messageID(id string) string {
	local, domain, ok := cutLast(strings.ToLower(strings.Trim(strings.TrimSpace(id), "<>")), '@')
	return asRef(local, ok && a.IDs != "" && strings.EqualFold(domain, a.IDs))
}

// asRef returns s if it can be a reference, as channels.Message describes it.
func asRef(s string, ok bool) string {
	if !ok || s == "" || len(s) > maxLocal || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	return s
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// deliveredTo are the fields in which mail systems note the envelope's recipient when they put a message
// into a mailbox: qmail's and Postfix's, Postfix's, Exim's, others'.
func deliveredTo() []string {
	return []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To"}
}

// find finds the attempt that a report is about, in what is hardest to lose first: the address that
// it was sent to, the envelope id, the message that is quoted.
func (a Addresses) find(m Mail, e entity, all []entity) string {
	for _, to := range m.To {
		if ref := a.Ref(to); ref != "" {
			return ref
		}
	}
	for _, name := range deliveredTo() {
		for _, to := range e.header.all(name) {
			if ref := a.Ref(bareAddress(to)); ref != "" {
				return ref
			}
		}
	}
	for _, p := range all {
		if ref := a.inPart(p); ref != "" {
			return ref
		}
	}
	return ""
}

// inPart finds the attempt in a part: a report's fields, or the message that is quoted.
func (a Addresses) inPart(p entity) string {
	body := p.decoded()
	switch p.kind {
	case "message/delivery-status", "message/global-delivery-status", "message/feedback-report":
		h, _ := parseHeader(body)
		if ref := asRef(strings.ToLower(h.get("Original-Envelope-Id")), h.has("Original-Envelope-Id")); ref != "" {
			return ref
		}
		return a.Ref(bareAddress(h.get("Original-Mail-From")))
	}
	return a.quoted(body)
}

// maxQuotes bounds how many Message-IDs of a part are looked at.
const maxQuotes = 20

// quoted finds a Message-ID of ours in a message that is quoted, in whatever form.
func (a Addresses) quoted(body []byte) string {
	lower := bytes.ToLower(body)
	for range maxQuotes {
		_, rest, ok := bytes.Cut(lower, []byte("message-id:"))
		if !ok {
			return ""
		}
		id, _, _ := bytes.Cut(bytes.TrimLeft(rest, " \t\n<"), []byte(">"))
		if len(id) <= 320 {
			if ref := a.messageID(string(id)); ref != "" {
				return ref
			}
		}
		lower = rest
	}
	return ""
}

// bareAddress takes the address out of a field that may have a name, angle brackets, or an address type
// (RFC 3464, section 2.1.2) around it.
func bareAddress(s string) string {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s, _, _ = strings.Cut(s[i+1:], ">")
	} else if _, after, ok := strings.Cut(s, ";"); ok {
		s = after
	}
	return strings.TrimSpace(s)
}
