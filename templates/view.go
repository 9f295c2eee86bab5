package templates

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// view is what a template sees of an update: everything in the language of the text. An optional
// value that is missing is empty, so that {{with}} leaves it out; one that every text needs is a
// method, and an error where it is missing.
type view struct {
	u         incident.Update
	catalogue *Catalogue
	w         *words
	tag       string // language in which to look up the update's and the catalogue's texts
	book      *book

	alternatives map[string]string // by region, for readers who have one

	// StartedAt, and the times below, say themselves: {{.StartedAt.At}}, {{.NextUpdateAt.By}}.
	StartedAt      *moment
	EndsAt         *moment
	ResolvedAt     *moment
	MissedEstimate *moment
	// NextUpdateAt and Estimate are left out where they are not ahead.
	NextUpdateAt *moment
	Estimate     *estimate
	// Lasted is how long it took, once that is known.
	Lasted string
	// Advice, Cause and Compensation are whole sentences.
	Advice, Cause, Compensation string
	// Link is where to read on: the update's link, or the status page.
	Link string
	// Maintenance tells a maintenance from an outage, where both have the same status.
	Maintenance bool
	// Holding and Reminder say that nobody wrote the update: there is nothing new, or it is a
	// maintenance announced before that is coming closer.
	Holding, Reminder bool
}

func newView(u incident.Update, c *Catalogue, w *words, tag string, kind channels.Kind) *view {
	b := newBook(u.Time, c.Location, w, public(kind))
	v := &view{
		u: u, catalogue: c, w: w, tag: tag, book: b,
		StartedAt:      b.of(&u.StartedAt),
		EndsAt:         b.of(u.EndsAt),
		ResolvedAt:     b.of(u.ResolvedAt),
		MissedEstimate: b.of(u.MissedEstimate),
		NextUpdateAt:   b.ahead(u.NextUpdateAt),
		Estimate:       b.estimate(u.Estimate),
		Advice:         sentence(u.Advice.In(tag)),
		Cause:          sentence(u.Cause.In(tag)),
		Compensation:   sentence(u.Compensation.In(tag)),
		Link:           clean(u.Link),
		Maintenance:    u.Kind == incident.Maintenance,
		Holding:        u.Automatic == incident.Holding,
		Reminder:       u.Automatic == incident.Reminder,
	}
	if !public(kind) {
		v.alternatives = alternatives(u.Alternatives, tag)
		v.Advice = withAlternative(v.Advice, len(v.alternatives) > 0)
	}
	if v.Link == "" {
		v.Link = clean(c.StatusPage)
	}
	if u.ResolvedAt != nil && u.ResolvedAt.After(u.StartedAt) {
		v.Lasted = w.duration(u.ResolvedAt.Sub(u.StartedAt))
	}
	return v
}

// public reports whether channels of a kind are read by everybody, so that nothing in their texts is
// one reader's own.
func public(kind channels.Kind) bool { return kind == channels.Social || kind == channels.Web }

// alternative is the placeholder of what to do meanwhile in the recipient's region.
const alternative = "region.alternative"

func alternatives(by map[string]incident.Text, tag string) map[string]string {
	said := map[string]string{}
	for region, t := range by {
		if s := sentence(t.In(tag)); s != "" {
			said[region] = s
		}
	}
	return said
}

// withAlternative adds the place of the alternative to the advice.
func withAlternative(advice string, any bool) string {
	switch {
	case !any:
		return advice
	case advice == "":
		return group(place(alternative, ""))
	}
	return advice + group(" "+place(alternative, ""))
}

// Organisation is the name in which the text speaks.
func (v *view) Organisation() (string, error) {
	return v.must(v.catalogue.Organisation, "name of the organisation")
}

// Summary is what happened, as one or more sentences.
func (v *view) Summary() (string, error) {
	s, err := v.must(v.u.Summary, "summary")
	return sentence(s), err
}

// Brief is the short summary where there is one.
func (v *view) Brief() (string, error) {
	if s := clean(v.u.Short.In(v.tag)); s != "" {
		return sentence(s), nil
	}
	return v.Summary()
}

// Affected lists the services' names, "" where the update names none.
func (v *view) Affected() (string, error) {
	return v.names(v.u.Affects.Services, v.catalogue.Services, "service")
}

// Window is from when to when a maintenance is planned, Hours the same in short.
func (v *view) Window() string { return v.planned(saySpan) }

// Hours is Window in short: "today from 23:00 to 05:00".
func (v *view) Hours() string { return v.planned(sayHours) }

func (v *view) planned(form string) string {
	if v.EndsAt == nil {
		return v.StartedAt.At()
	}
	return v.book.place(notification.Time{Say: form, At: v.StartedAt.t, To: v.EndsAt.t})
}

// Unaffected lists the names of services that work, "" where the update names none.
func (v *view) Unaffected() (string, error) {
	return v.names(v.u.Unaffected, v.catalogue.Services, "service")
}

// Where lists the regions' names, "" where the update names none.
func (v *view) Where() (string, error) {
	return v.names(v.u.Affects.Regions, v.catalogue.Regions, "region")
}

func (v *view) names(ids []string, catalogue map[string]incident.Text, what string) (string, error) {
	names, err := v.list(ids, catalogue, what)
	return v.w.join(names), err
}

func (v *view) list(ids []string, catalogue map[string]incident.Text, what string) ([]string, error) {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		name, err := v.must(catalogue[id], fmt.Sprintf("name of %s %q", what, id))
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// news is the update as facts.
func (v *view) news() (*channels.News, error) {
	services, err := v.list(v.u.Affects.Services, v.catalogue.Services, "service")
	if err != nil {
		return nil, err
	}
	regions, err := v.list(v.u.Affects.Regions, v.catalogue.Regions, "region")
	if err != nil {
		return nil, err
	}
	n := &channels.News{
		Kind: string(v.u.Kind), Status: string(v.u.Status), Impact: string(v.u.Impact), At: v.u.Time,
		StartedAt: v.u.StartedAt, EndsAt: when(v.u.EndsAt), NextUpdateAt: when(v.u.NextUpdateAt), ResolvedAt: when(v.u.ResolvedAt),
		Services: services, Regions: regions, Advice: v.adviceEverywhere(), Link: v.Link,
	}
	if v.u.Estimate != nil {
		n.EstimatedAt = v.u.Estimate.At
	}
	return n, nil
}

// adviceEverywhere is the advice, and the alternatives of all regions that have a name.
func (v *view) adviceEverywhere() string {
	said := []string{}
	if v.Advice != "" {
		said = append(said, v.Advice)
	}
	by := alternatives(v.u.Alternatives, v.tag)
	for _, region := range slices.Sorted(maps.Keys(by)) {
		if name := clean(v.catalogue.Regions[region].In(v.tag)); name != "" {
			said = append(said, name+": "+by[region])
		}
	}
	return strings.Join(said, " ")
}

func when(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func (v *view) must(t incident.Text, variable string) (string, error) {
	s := clean(t.In(v.tag))
	if s == "" {
		return "", missing(variable)
	}
	return s, nil
}

// missing names a variable that a text needs and that is not there.
type missing string

func (m missing) Error() string { return string(m) + " is missing" }

// clean drops from foreign text what has a meaning of its own in here (the markers), and control
// characters.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if isMarker(r) || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// sentence is clean text that ends as sentences end, so that another can follow.
func sentence(s string) string {
	s = clean(s)
	if s == "" || strings.ContainsRune(".!?…:;", []rune(s)[len([]rune(s))-1]) {
		return s
	}
	if bare := strings.TrimRight(s, `"'”»)`); bare != s && strings.ContainsAny(bare[max(0, len(bare)-3):], ".!?…") {
		return s
	}
	return s + "."
}
