package email

import (
	"strconv"
	"strings"
)

// Status is an enhanced status code (RFC 3463): class, subject and detail, as in 5.1.1.
type Status struct{ Class, Subject, Detail int }

// ParseStatus reads a status code: exactly class.subject.detail, the class 2, 4 or 5.
func ParseStatus(s string) (Status, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return Status{}, false
	}
	var n [3]int
	for i, p := range parts {
		if len(p) == 0 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return Status{}, false
		}
		n[i], _ = strconv.Atoi(p) // three digits
	}
	ok := n[0] == 2 || n[0] == 4 || n[0] == 5
	return Status{n[0], n[1], n[2]}, ok
}

// String is the code as RFC 3463 writes it.
func (s Status) String() string {
	return strconv.Itoa(s.Class) + "." + strconv.Itoa(s.Subject) + "." + strconv.Itoa(s.Detail)
}

// Vague reports whether the code says no more than its class: X.0.0.
func (s Status) Vague() bool { return s.Subject == 0 && s.Detail == 0 }

// Permanent reports whether another try would end the same.
func (s Status) Permanent() bool { return s.Class == 5 }

// BadMailbox reports whether the code speaks of a mailbox that can't be reached, now or later, where its
// class is permanent: the subject is addresses (X.1), without X.1.7 and X.1.8, which speak of the
// sender's; or it is X.2.1, a mailbox disabled, or X.4.4, no route to the domain.
func (s Status) BadMailbox() bool {
	switch {
	case s.Subject == 1:
		return s.Detail != 7 && s.Detail != 8
	default:
		return s.Subject == 2 && s.Detail == 1 || s.Subject == 4 && s.Detail == 4
	}
}
