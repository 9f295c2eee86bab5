package bounce

import (
	"strings"

	"github.com/tocsin-dev/tocsin/channels/email"
)

// readFeedback reads the body of a message/feedback-report (RFC 5965, section 3). Of its types, abuse is
// the one that mail services send when somebody presses "spam", and opt-out what RFC 5965 took over
// from practice; the others ask nothing of us.
func readFeedback(body []byte, all []entity) Report {
	h, _ := parseHeader(body)
	switch strings.ToLower(firstWord(h.get("Feedback-Type"))) {
	case "abuse", "opt-out", "opt-out-list":
		return Report{What: Complaint, Address: complainant(h, all)}
	}
	return Report{}
}

// complainant is the mailbox of who complained: as the report says, else as our message was addressed.
// Services that keep it to themselves put something else there.
func complainant(h header, all []entity) string {
	for _, s := range h.all("Original-Rcpt-To") {
		if address, err := email.CheckAddress(bareAddress(s)); err == nil {
			return address
		}
	}
	for _, p := range all {
		if p.kind != "message/rfc822" && p.kind != "text/rfc822-headers" {
			continue
		}
		quoted, _ := parseHeader(p.decoded())
		if address, err := email.CheckAddress(bareAddress(quoted.get("To"))); err == nil {
			return address
		}
	}
	return ""
}
