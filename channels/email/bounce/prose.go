package bounce

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels/email"
)

// maxProse bounds how much of a text is read, in bytes: what is wrong is said at its beginning.
const maxProse = 8 << 10

// readProse reads a bounce that is written for people: qmail's, older Exims', those of appliances.
func readProse(e entity, all []entity) Report {
	text := prose(all)
	r := explain(email.Status{}, false, text)
	r.What = Failed
	if saysDelayed(subject(e.header) + "\n" + text) {
		r.What, r.Dead = Delayed, false
	}
	return r
}

// prose is the first text, without the copy of the message that follows it.
func prose(all []entity) string {
	i := slices.IndexFunc(all, func(p entity) bool { return strings.HasPrefix(p.kind, "text/") && p.kind != "text/rfc822-headers" })
	if i < 0 {
		return ""
	}
	text := all[i].decoded()
	text = text[:min(len(text), maxProse)]
	for _, mark := range []string{"--- Below this line is a copy", "------ This is a copy", "----- Original message", "---- Original message", "\nReceived: ", "\nReturn-Path: "} {
		text, _, _ = bytes.Cut(text, []byte(mark))
	}
	return string(text)
}

// saysDelayed reports whether a text is only a warning.
func saysDelayed(text string) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	return slices.ContainsFunc([]string{
		"message delayed", "delivery delayed", "delivery delay", "warning: could not send message", "not yet been delivered",
		"not been delivered yet", "will continue to try", "still being tried", "do not need to resend", "need not resend",
		"(delay)",
	}, func(phrase string) bool { return strings.Contains(text, phrase) })
}

// isNotice reports whether a message without standard form is a mail system's word on a message of ours:
// it says so by its sender or by its subject, and does not come from a person. Reports have the null
// sender (RFC 5321, section 4.5.5), but not they alone: so the subject must tell as well, unless it comes from
// the one whose name says it.
func isNotice(from string, h header) bool {
	author := strings.ToLower(bareAddress(h.get("From")))
	local, _, _ := strings.Cut(author, "@")
	if local == "mailer-daemon" || local == "postmaster" || local == "mail-daemon" {
		return true
	}
	return from == "" && saysBounce(subject(h))
}

func saysBounce(subject string) bool {
	return slices.ContainsFunc([]string{
		"undeliver", "failure notice", "delivery fail", "delivery status", "delivery notification", "delivery report", "delivery problem",
		"delivery error", "delivery delay", "returned mail", "returned to sender", "returning message", "mail system error", "could not be delivered", "not delivered",
		"delivery has failed", "message delayed", "could not send message", "nondeliverable", "unzustellbar", "недостав", "не доставлен", "nelivrat",
	}, func(phrase string) bool { return strings.Contains(subject, phrase) })
}
