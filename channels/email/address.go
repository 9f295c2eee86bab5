// Package email is what the email channels share: what counts as a mailbox, and what status codes mean.
package email

import (
	"errors"
	"fmt"
	"strings"
)

// The length limits of RFC 5321, section 4.5.3.1, and RFC 1035, section 2.3.4, in octets. A path is
// 256 octets with its angle brackets, so an address is at most 254.
const (
	maxAddress = 254
	maxLocal   = 64
	maxLabel   = 63
)

// CheckAddress checks that s is a mailbox that any relay can be given, and returns it in the form
// in which Tocsin keeps it: the domain in lower case, the local part as it was (RFC 5321, section
// 2.4, makes its case significant).
//
// A mailbox is an addr-spec of RFC 5322, section 3.4.1, narrowed to what customers have: a dot-atom,
// "@", and a domain name with a dot. Refused are quoted local parts, domain literals, comments and
// display names, and everything outside ASCII: a local part of that kind needs SMTPUTF8 on the whole
// way (RFC 6531), and a domain has an ASCII form (xn--…), which is unambiguous where look-alike
// letters are not. Nothing is trimmed.
//
// The error says what is wrong and never repeats the address.
func CheckAddress(s string) (string, error) {
	if len(s) > maxAddress {
		return "", fmt.Errorf("longer than %d octets", maxAddress)
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", errors.New("no @")
	}
	local, domain := s[:at], s[at+1:]
	if err := checkLocal(local); err != nil {
		return "", err
	}
	if err := CheckDomain(domain); err != nil {
		return "", err
	}
	lower := strings.ToLower(domain)
	if lower == domain {
		return s, nil
	}
	return local + "@" + lower, nil
}

// checkLocal checks a dot-atom: atoms of RFC 5322, section 3.2.3, with single dots between them.
func checkLocal(s string) error {
	if s == "" {
		return errors.New("nothing before the @")
	}
	if len(s) > maxLocal {
		return fmt.Errorf("more than %d octets before the @", maxLocal)
	}
	dot := true // a dot may not come here
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && dot:
			return errors.New("a dot too many before the @")
		case c >= 0x80:
			return errors.New("a character outside ASCII before the @")
		case c != '.' && !isAtext(c):
			return errors.New("a character before the @ that mailboxes don't have")
		}
		dot = s[i] == '.'
	}
	if dot {
		return errors.New("a dot right before the @")
	}
	return nil
}

func isAtext(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// CheckDomain checks that s is a full domain name: two or more labels of letters, digits and
// hyphens (RFC 1035, section 2.3.1, with RFC 1123, section 2.1), of which the last is not a number.
func CheckDomain(s string) error {
	if s == "" {
		return errors.New("no domain")
	}
	labels, last := 0, ""
	for label := range strings.SplitSeq(s, ".") {
		if err := checkLabel(label); err != nil {
			return err
		}
		labels, last = labels+1, label
	}
	if labels < 2 {
		return errors.New("a domain without a dot")
	}
	if strings.Trim(last, "0123456789") == "" {
		return errors.New("a domain that ends in a number")
	}
	return nil
}

func checkLabel(s string) error {
	if s == "" {
		return errors.New("a dot too many in the domain")
	}
	if len(s) > maxLabel {
		return fmt.Errorf("a part of the domain with more than %d octets", maxLabel)
	}
	if s[0] == '-' || s[len(s)-1] == '-' {
		return errors.New("a part of the domain that begins or ends with a hyphen")
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80:
			return errors.New("a domain outside ASCII: write it in its xn-- form")
		case c != '-' && !isAlphanumeric(c):
			return errors.New("a character that domains don't have")
		}
	}
	return nil
}
