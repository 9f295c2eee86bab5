package sim

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
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

// isE164 reports whether s is a number as ITU-T E.164 has it: a plus and 7 to 15 digits.
func isE164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// isSender reports whether s can be a sender: a number, a short code, or up to eleven letters and
// digits of which one is a letter.
func isSender(s string) bool {
	if isE164(s) {
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

// isCallback reports whether s is an URL that Twilio would call: absolute, and with no underscore in
// the host.
func isCallback(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.Contains(u.Host, "_")
}
