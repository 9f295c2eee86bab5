package sim

import (
	"strconv"
	"strings"
	"unicode/utf8"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
)

// known reports whether a parameter is one that this simulator understands. Twilio has more of them;
// what an adapter sends beyond these is not simulated, so it is refused.
func known(parameter string) bool {
	switch parameter {
	case "To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod":
		return true
	}
	return false
}

// isSender reports whether s can be a sender: a number, a short code, or up to eleven letters and
// digits of which one is a letter.
func isSender(s string) bool {
	if account.IsE164(s) {
		return true
	}
	rest := strings.Trim(s, "0123456789")
	if rest == "" {
		return len(s) >= 3 && len(s) <= 8
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(" +-_&", r):
		default:
			return false
		}
	}
	return len(s) <= 11
}

func tooLong(body string) bool { return len(body) > 1600 && utf8.RuneCountInString(body) > 1600 }

func isValidity(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 36000
}
