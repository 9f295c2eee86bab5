package twilio

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
)

// senders are what messages are sent from: "Bank", or a list of several.
type senders []string

// UnmarshalYAML takes one sender or a list.
func (s *senders) UnmarshalYAML(decode func(any) error) error {
	var one string
	if decode(&one) == nil {
		*s = senders{one}
		return nil
	}
	var several []string
	if err := decode(&several); err != nil {
		return errors.New("want a sender, or a list of senders")
	}
	*s = several
	return nil
}

// checkSenders checks all senders and prefixes.
func (c *config) checkSenders() error {
	for _, from := range c.From {
		if !isSender(from) {
			return fmt.Errorf("from: %q is neither a number, nor a short code, nor a name of up to 11 letters and digits", from)
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(c.FromByCountry)) {
		digits, plus := strings.CutPrefix(prefix, "+")
		if !plus || digits == "" || len(digits) > 7 || strings.Trim(digits, "0123456789") != "" {
			return fmt.Errorf("from_by_country: want prefixes like \"+373\", not %q", prefix)
		}
		if len(c.FromByCountry[prefix]) == 0 {
			return fmt.Errorf("from_by_country: %s has no sender", prefix)
		}
		for _, from := range c.FromByCountry[prefix] {
			if !isSender(from) {
				return fmt.Errorf("from_by_country: %s: %q is neither a number, nor a short code, nor a name of up to 11 letters and digits", prefix, from)
			}
		}
	}
	return nil
}

// maxName is how long a name may be ("Alphanumeric Sender ID",
// https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id).
const maxName = 11

// isSender reports whether s can be a sender: a number, a short code of 3 to 8 digits, or a name of letters,
// digits and " +-_&" of which at least one is a letter.
func isSender(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	if strings.Trim(digits, "0123456789") == "" {
		return (plus && len(digits) >= 7 && len(digits) <= 15) || (!plus && len(digits) >= 3 && len(digits) <= 8)
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return len(s) <= maxName && strings.ContainsAny(s, letters) && strings.Trim(s, letters+"0123456789 +-_&") == ""
}

// senderFor is what a number is written to from: by the longest prefix that fits, else from the pool; ""
// where the messaging service chooses.
func (c *config) senderFor(number string) string {
	for n := min(len(number), 8); n > 1 && len(c.FromByCountry) > 0; n-- {
		if pool, known := c.FromByCountry[number[:n]]; known {
			return pool.of(number)
		}
	}
	return c.From.of(number)
}

// of is the member of a pool that a number is always written to from, so that all messages stand in one
// thread on the phone. Of all members it is the one with the highest hash together with the number
// (rendezvous hashing): a pool that gains or loses one changes it for that one's share only.
func (s senders) of(number string) string {
	chosen, highest := "", uint64(0)
	for _, from := range s {
		h := fnv.New64a()
		_, _ = h.Write([]byte(number + "\x00" + from)) // never fails
		if sum := mix(h.Sum64()); chosen == "" || sum > highest {
			chosen, highest = from, sum
		}
	}
	return chosen
}

// mix spreads a hash whose high bits depend too little on the last bytes (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
