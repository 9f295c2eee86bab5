package statuspage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tocsin-dev/tocsin/channels"
)

// update is one message as the page shows it.
type update struct {
	// ID follows from what the message says, so that one which comes again has the same: 32 hex digits
	// in the form of a UUID of version 8 (RFC 9562). The attempt's reference is not for the public.
	ID     string `json:"id"`
	Locale string `json:"locale"`
	Title  string `json:"title"`
	Text   string `json:"text"`
	channels.News
}

func topicForm() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]{32}$`) }

func idForm() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
}

func newUpdate(m channels.Message) (update, error) {
	switch {
	case m.News == nil || m.News.At.IsZero():
		return update{}, errors.New("a page needs the update's facts")
	case !topicForm().MatchString(m.Topic):
		return update{}, errors.New("a page needs the incident's topic")
	case m.Subject == "":
		return update{}, errors.New("a page needs a title")
	}
	u := update{Locale: m.Locale, Title: printable(m.Subject), Text: withoutLink(printable(m.Text), m.News.Link), News: *m.News}
	u.At = u.At.UTC()
	u.ID = u.makeID(m.Topic)
	return u, nil
}

func (u update) makeID(topic string) string {
	return idOf(topic, u.At.Format(time.RFC3339Nano), u.Status, u.Locale, u.Title, u.Text)
}

// idOf is a UUID of version 8 that follows from its parts.
func idOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x80 // version 8
	b[8] = b[8]&0x3f | 0x80 // variant
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// printable drops what neither HTML nor XML may have: control characters but for the white space.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

// withoutLink drops the line with the link that texts end in: pages show it as what it is.
func withoutLink(text, link string) string {
	text = strings.TrimSpace(text)
	if bare, ok := strings.CutSuffix(text, "\n"+link); ok && link != "" {
		text = strings.TrimSpace(bare)
	}
	return text
}

// phase is where an incident stands, for readers.
type phase string

const (
	planned phase = "planned"
	current phase = "current"
	closed  phase = "closed"
)

// incident is what was said of one incident on one page: at least one update, oldest first.
type incident struct {
	topic   string
	updates []update
}

func (i incident) last() update { return i.updates[len(i.updates)-1] }

// standing is the newest update that says where the incident stands: corrections and postmortems
// don't. Where there are only such it is the newest of them.
func (i incident) standing() update {
	for _, u := range slices.Backward(i.updates) {
		if u.Status != "correction" && u.Status != "postmortem" {
			return u
		}
	}
	return i.last()
}

func (i incident) phase() phase {
	switch u := i.standing(); u.Status {
	case "scheduled":
		return planned
	case "resolved", "completed", "cancelled", "postmortem":
		return closed
	case "correction":
		if !u.ResolvedAt.IsZero() {
			return closed
		}
	}
	return current
}

// ended is when it was over, zero where nobody said so.
func (i incident) ended() time.Time {
	for _, u := range slices.Backward(i.updates) {
		if !u.ResolvedAt.IsZero() {
			return u.ResolvedAt
		}
	}
	if u := i.standing(); u.Status == "completed" {
		return u.At
	}
	return time.Time{}
}

// memory is all that a page knows: what it says, and what it doesn't say any more.
type memory struct {
	incidents incidents
	recalled  []recalled // in the order in which they were
}

// incidents are all that a page says, in no order.
type incidents []incident

// with returns them with one update more, in its place by time; or as they are, if it is there.
func (all incidents) with(topic string, u update) incidents {
	all = slices.Clone(all)
	n := slices.IndexFunc(all, func(i incident) bool { return i.topic == topic })
	if n < 0 {
		return append(all, incident{topic, []update{u}})
	}
	was := all[n].updates
	if slices.ContainsFunc(was, func(other update) bool { return other.ID == u.ID }) {
		return all
	}
	at, _ := slices.BinarySearchFunc(was, u, func(a, b update) int {
		if a.At.After(b.At) {
			return 1
		}
		return -1 // of the same time: behind it
	})
	all[n].updates = slices.Insert(slices.Clone(was), at, u)
	return all
}

// in returns those in a phase that were last heard of at or after a time, the newest first; what is
// planned, the next first.
func (all incidents) in(p phase, since time.Time) incidents {
	var found incidents
	for _, i := range all {
		if i.phase() == p && !i.last().At.Before(since) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b incident) int {
		if p == planned {
			return a.standing().StartedAt.Compare(b.standing().StartedAt)
		}
		return b.last().At.Compare(a.last().At)
	})
	return found
}

// said is an update and the incident that it is about.
type said struct {
	incident
	n int // among the incident's
}

func (s said) update() update { return s.updates[s.n] }

// newest returns the newest updates of all incidents, newest first, at most limit.
func (all incidents) newest(limit int) []said {
	var found []said
	for _, i := range all {
		for n := range i.updates {
			found = append(found, said{i, n})
		}
	}
	slices.SortFunc(found, func(a, b said) int {
		if c := b.update().At.Compare(a.update().At); c != 0 {
			return c
		}
		return strings.Compare(a.update().ID, b.update().ID)
	})
	return found[:min(limit, len(found))]
}

// updatedAt is the time of the newest update, zero if there is none.
func (all incidents) updatedAt() time.Time {
	var t time.Time
	for _, i := range all {
		if at := i.last().At; at.After(t) {
			t = at
		}
	}
	return t
}

// worst is the state that a page is in: that of the worst of what happens now.
func (all incidents) worst() string {
	states := []string{"operational", "maintenance", "minor", "major", "critical"}
	worst := 0
	for _, i := range all.in(current, time.Time{}) {
		u := i.standing()
		state := u.Impact
		if u.Kind == "maintenance" {
			state = "maintenance"
		}
		worst = max(worst, slices.Index(states, state))
	}
	return states[worst]
}
