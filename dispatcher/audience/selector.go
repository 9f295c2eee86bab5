package audience

import (
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// Selector decides which recipients an update is for. It is made once per update and asked once per
// recipient of the directory. A Selector doesn't change and is safe for concurrent use.
//
// An update that lists recipients by id is for those alone, whatever else it says. Otherwise a
// recipient must match in each of services, regions and segments. In one of them:
//
//	the update says    the directory says      match
//	nothing (all)      anything or nothing     yes
//	some codes         nothing (unknown)       yes
//	some codes         at least one of them    yes
//	some codes         others only             no
//
// The second row is a choice. Where the directory doesn't know a customer's region, service or
// segment, telling somebody who turns out not to be affected costs a message; not telling somebody
// who is, is the failure that Tocsin exists to prevent. A directory that does know which services a
// customer uses leaves nobody's list empty.
//
// Codes compare exactly, in lower case: [Checker] lowers those of recipients, NewSelector those of
// the update. Ids compare exactly as they are.
type Selector struct {
	services, regions, segments set
	recipients                  set
}

type set map[string]struct{}

// NewSelector makes the selector of an update's audience.
func NewSelector(a incident.Audience) *Selector {
	return &Selector{
		services:   setOf(a.Services, code),
		regions:    setOf(a.Regions, code),
		segments:   setOf(a.Segments, code),
		recipients: setOf(a.Recipients, strings.TrimSpace),
	}
}

func setOf(list []string, form func(string) string) set {
	s := make(set, len(list))
	for _, v := range list {
		s[form(v)] = struct{}{}
	}
	return s
}

// code is the one form in which service, region, segment and channel codes are kept.
func code(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Matches reports whether the update is for r. It allocates nothing.
func (s *Selector) Matches(r *Recipient) bool {
	if len(s.recipients) > 0 {
		_, listed := s.recipients[r.ID]
		return listed
	}
	return s.services.meets(r.Services) && s.regions.meets(r.Regions) && s.segments.meets(r.Segments)
}

// meets holds the table of Selector for one of the three lists.
func (s set) meets(have []string) bool {
	if len(s) == 0 || len(have) == 0 {
		return true
	}
	for _, v := range have {
		if _, ok := s[v]; ok {
			return true
		}
	}
	return false
}
