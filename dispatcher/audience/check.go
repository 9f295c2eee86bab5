package audience

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a recipient may hold, in characters or entries.
const (
	MaxID   = 128 // characters of an id
	MaxName = 200 // characters of a name
	// MaxAddress bounds an address, in characters. The longest are browsers' push subscriptions, in
	// base64url: a URL of up to 1,024 and two keys. (Mailboxes end at 320; their own check says so.)
	MaxAddress = 1600
	MaxCode    = 64  // characters of a service, region or segment code, a locale, a zone
	MaxList    = 256 // entries of a list
)

// Fault is one thing that is wrong with a recipient or with a line of a directory file. It never
// repeats what the field holds, so that it can be logged and counted.
type Fault struct {
	// Field is the recipient's field in its JSON form ("locale", "addresses.sms"), or "line" where
	// the line could not be read at all.
	Field string `json:"field"`
	// Reason completes a sentence that begins with the field: "is missing".
	Reason string `json:"reason"`
}

func (f Fault) String() string { return f.Field + " " + f.Reason }

// Reasons that a Checker gives of its own; address checks give others.
const (
	reasonMissing  = "is missing"
	reasonLong     = "is too long"
	reasonUTF8     = "is not UTF-8"
	reasonControl  = "holds control characters"
	reasonReserved = "begins with " + AccountPrefix + ", which is reserved"
	reasonChannel  = "names an unknown channel"
	reasonTwice    = "is given twice"
	reasonCode     = "holds a code of other characters than a-z 0-9 . _ -"
	reasonLocale   = "is not a BCP 47 language tag"
	reasonZone     = "is not an IANA time zone"
)

// AddressCheck checks an address of one kind and returns it in its one normal form: applied to that
// form it returns it unchanged. Its error completes a sentence ("is not a mailbox") and does not
// repeat the address. It is safe for concurrent use.
type AddressCheck func(address string) (normal string, err error)

// Rules are what a directory's recipients are checked against.
type Rules struct {
	// Locale is given to recipients that have none. It is required.
	Locale string
	// Zone is given to recipients that have none; "" leaves theirs empty.
	Zone string
	// Channels are the channels that may occur, each with the check of its addresses. A nil check
	// takes any text of up to MaxAddress characters.
	Channels map[string]AddressCheck
}

// Checker validates recipients and brings them into normal form. It is safe for concurrent use.
type Checker struct {
	rules   Rules
	locales memo
	zones   memo
}

// NewChecker makes a Checker. It fails where the rules themselves are wrong.
func NewChecker(rules Rules) (*Checker, error) {
	c := &Checker{rules: rules, locales: memo{of: locale}, zones: memo{of: zone}}
	var ok bool
	if c.rules.Locale, ok = c.locales.get(rules.Locale); !ok {
		return nil, fmt.Errorf("default locale %q %s", rules.Locale, reasonLocale)
	}
	if _, ok := c.zones.get(rules.Zone); rules.Zone != "" && !ok {
		return nil, fmt.Errorf("default zone %q %s", rules.Zone, reasonZone)
	}
	for channel := range rules.Channels {
		if !isCode(channel) {
			return nil, fmt.Errorf("channel %q %s", channel, reasonCode)
		}
	}
	return c, nil
}

// Check brings r into normal form and returns what is wrong with it, nil if nothing is. Of a
// recipient with faults, only the fields without one are in normal form.
//
// Normal form: texts without surrounding space; locale and zone present and canonical; addresses in
// their kind's form, sorted by channel, empty ones dropped; preferences in the customer's order,
// each once; consents, services, regions and segments lower-case, sorted, each once; empty values
// dropped. Lists and maps that are empty are nil. What r came with is not written to.
func (c *Checker) Check(r *Recipient) []Fault {
	var f faults
	r.ID = f.id(r.ID)
	r.Name = f.text("name", r.Name, MaxName)
	r.Locale = f.known("locale", r.Locale, c.rules.Locale, &c.locales, reasonLocale)
	r.Zone = f.known("zone", r.Zone, c.rules.Zone, &c.zones, reasonZone)
	r.Addresses = f.addresses(r.Addresses, c.rules.Channels)
	r.Preferences = f.channels("preferences", r.Preferences, c.rules.Channels)
	r.Consents = f.channels("consents", r.Consents, c.rules.Channels)
	slices.Sort(r.Consents)
	r.Services = f.codes("services", r.Services)
	r.Regions = f.codes("regions", r.Regions)
	r.Segments = f.codes("segments", r.Segments)
	r.Values = f.values(r.Values)
	r.Dead, r.Withdrawn = nil, nil // not the importer's to say
	return f
}

// Knows reports whether there is a channel of that name.
func (c *Checker) Knows(channel string) bool {
	_, ok := c.rules.Channels[channel]
	return ok
}

// Address returns an address of a channel in its normal form; ok is false if it isn't one.
func (c *Checker) Address(channel, address string) (normal string, ok bool) {
	var f faults
	as := f.addresses(Addresses{{Channel: channel, Address: address}}, c.rules.Channels)
	if len(f) > 0 || len(as) == 0 {
		return "", false
	}
	return as[0].Address, true
}

// faults collects what is wrong. Its methods each check one sort of field and return its normal form.
type faults []Fault

func (f *faults) add(field, reason string) { *f = append(*f, Fault{field, reason}) }

func (f *faults) id(id string) string {
	id = f.text("id", id, MaxID)
	switch {
	case id == "":
		f.add("id", reasonMissing)
	case len(id) >= len(AccountPrefix) && strings.EqualFold(id[:len(AccountPrefix)], AccountPrefix):
		f.add("id", reasonReserved)
	}
	return id
}

func (f *faults) text(field, s string, limit int) string {
	s = strings.TrimSpace(s)
	if reason := unfit(s, limit); reason != "" {
		f.add(field, reason)
	}
	return s
}

// known is for fields whose values are in a finite list: absent ones get the default.
func (f *faults) known(field, s, absent string, in *memo, reason string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return absent
	}
	if len(s) <= MaxCode {
		if normal, ok := in.get(s); ok {
			return normal
		}
	}
	f.add(field, reason)
	return s
}

func (f *faults) addresses(given Addresses, checks map[string]AddressCheck) Addresses {
	var normal Addresses
	for _, a := range given {
		a = Address{code(a.Channel), strings.TrimSpace(a.Address)}
		if a.Address == "" {
			continue
		}
		check, ok := checks[a.Channel]
		if !ok {
			f.add("addresses", reasonChannel)
			continue
		}
		field := "addresses." + a.Channel
		if slices.ContainsFunc(normal, func(b Address) bool { return b.Channel == a.Channel }) {
			f.add(field, reasonTwice)
			continue
		}
		a.Address = f.address(field, a.Address, check)
		normal = append(normal, a)
	}
	normal.sort()
	return normal
}

func (f *faults) address(field, address string, check AddressCheck) string {
	if reason := unfit(address, MaxAddress); reason != "" {
		f.add(field, reason)
		return address
	}
	if check == nil {
		return address
	}
	normal, err := check(address)
	switch {
	case err != nil:
		f.add(field, withoutAddress(err.Error(), address))
		return address
	case normal == "" || unfit(normal, MaxAddress) != "":
		f.add(field, "has no usable normal form")
		return address
	}
	return normal
}

// withoutAddress keeps the address out of a check's error: checks are told not to repeat it, but
// some library's error may. What is shorter than any real address may be part of a word.
func withoutAddress(reason, address string) string {
	if len(address) < 4 {
		return reason
	}
	return strings.ReplaceAll(reason, address, "…")
}

func (f *faults) channels(field string, list []string, known map[string]AddressCheck) []string {
	return f.list(field, list, reasonChannel, func(s string) bool {
		_, ok := known[s]
		return ok
	})
}

func (f *faults) codes(field string, list []string) []string {
	normal := f.list(field, list, reasonCode, isCode)
	slices.Sort(normal)
	return normal
}

// list lowers the entries of a list, drops empty and repeated ones, and keeps their order. It names
// a list's fault once, however many entries have it.
func (f *faults) list(field string, list []string, reason string, ok func(string) bool) []string {
	if len(list) == 0 {
		return nil
	}
	if len(list) > MaxList {
		f.add(field, reasonLong)
		return list
	}
	normal := make([]string, 0, len(list))
	for _, s := range list {
		s = code(s)
		if s == "" || slices.Contains(normal, s) {
			continue
		}
		if !ok(s) {
			f.add(field, reason)
			return list
		}
		normal = append(normal, s)
	}
	if len(normal) == 0 {
		return nil
	}
	return normal
}

// unfit says why s can't be kept as a text of at most limit characters, "" if it can.
func unfit(s string, limit int) string {
	switch {
	case !utf8.ValidString(s):
		return reasonUTF8
	case utf8.RuneCountInString(s) > limit:
		return reasonLong
	case strings.ContainsFunc(s, isControl):
		return reasonControl
	}
	return ""
}

// isControl also takes line separators and the characters that reorder text (Unicode UAX #9), with
// which a name could disguise the text around it.
func isControl(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) ||
		r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func isCode(s string) bool {
	if s == "" || len(s) > MaxCode {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
