package bounce

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels/email"
)

// readStatus reads the body of a message/delivery-status (RFC 3464, section 2.1): fields of the message,
// then a group of fields for each recipient. Our messages have one recipient, but a mailbox may go on to
// several: what one of them failed to get counts, since nobody says that the others are the same person.
func readStatus(body []byte) (Report, bool) {
	_, rest := parseHeader(bytes.TrimLeft(body, "\n"))
	var all []Report
	for len(rest) > 0 {
		var group header
		group, rest = parseHeader(bytes.TrimLeft(rest, "\n"))
		if group.has("Action") || group.has("Status") {
			all = append(all, readGroup(group))
		}
	}
	if len(all) == 0 {
		return Report{}, false
	}
	worst := slices.MaxFunc(all, func(a, b Report) int { return int(a.What) - int(b.What) })
	worst.Dead = worst.Dead && !slices.ContainsFunc(all, func(r Report) bool { return !r.Dead })
	return worst, true
}

func readGroup(group header) Report {
	diagnostic := group.get("Diagnostic-Code")
	status, ok := email.ParseStatus(firstWord(group.get("Status")))
	r := explain(status, ok, diagnostic)
	r.What = action(group.get("Action"), status)
	r.Dead = r.Dead && r.What == Failed
	return r
}

// action is what became of the message (RFC 3464, section 2.3.3); where that is missing the status tells.
func action(field string, status email.Status) What {
	switch strings.ToLower(firstWord(field)) {
	case "failed":
		return Failed
	case "delayed":
		return Delayed
	case "delivered":
		return Delivered
	case "relayed", "expanded":
		return Relayed
	}
	switch status.Class {
	case 2:
		return Relayed // it may have been delivered, but nobody says so
	case 4:
		return Delayed
	}
	return Failed
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(s, " \t"), " ")
	return word
}

// explain finds the code in a status and in what the system at the end said itself: the latter tells more
// where a mail system puts X.0.0 for everything, as Exim does.
func explain(status email.Status, ok bool, said string) Report {
	own, code, found := codes(said)
	if found && (!ok || status.Vague() && (own.Class == status.Class || status.Class == 0)) {
		status, ok = own, true
	}
	r := Report{Code: code}
	if ok {
		r.Code = status.String()
	}
	permanent := ok && status.Permanent() || !ok && !strings.HasPrefix(code, "4")
	vague := !ok || status.Detail == 0 // "other or undefined", of which the words may tell more
	r.Dead = permanent && (ok && status.BadMailbox() || vague && saysUnknown(said))
	return r
}

// enhanced finds a status code of RFC 3463 in prose, by one of its eight subjects, so that it takes no
// version ("Exim 4.94.2") for one; reply finds a reply's code of RFC 5321 before some text.
var (
	enhanced = regexp.MustCompile(`(?:^|[^0-9.])([45]\.[0-7]\.[0-9]{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))`)
	reply    = regexp.MustCompile(`(?:^|[^0-9.a-zA-Z-])([45][0-9]{2})[- ]+[^0-9 ]`)
)

// codes finds the codes in prose: an enhanced one (found), or that of a reply.
func codes(text string) (status email.Status, code string, found bool) {
	if m := enhanced.FindStringSubmatch(text); m != nil {
		status, found = email.ParseStatus(m[1])
	}
	if m := reply.FindStringSubmatch(text); m != nil {
		code = m[1]
	}
	return status, code, found
}

// saysUnknown reports whether a text says that there is no such mailbox, in the words of one of the mail
// systems and services that don't say so by a code.
func saysUnknown(text string) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	return slices.ContainsFunc([]string{
		"user unknown", "unknown user", "no such user", "user not found", "unknown recipient", "recipient unknown",
		"recipient not found", "invalid recipient", "no such recipient", "mailbox not found", "no such mailbox",
		"no mailbox here by that name", "does not exist", "doesn't have a", "unrouteable address", "unknown local part",
	}, func(phrase string) bool { return strings.Contains(text, phrase) })
}
