package templates

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// view is what a template sees of an update: everything in the language of the text. An optional
// value that is missing is empty, so that {{with}} leaves it out; one that every text needs is a
// method, and an error where it is missing.
type view struct {
	u         incident.Update
	catalogue *Catalogue
	w         *words
	tag       string // language in which to look up the update's and the catalogue's texts

	// StartedAt, and the times below, say themselves: {{.StartedAt.At}}, {{.NextUpdateAt.By}}.
	StartedAt      *moment
	EndsAt         *moment
	ResolvedAt     *moment
	MissedEstimate *moment
	// NextUpdateAt and Estimate are left out where they are not ahead.
	NextUpdateAt *moment
	Estimate     *estimate
	// Window is from when to when a maintenance is planned.
	Window string
	// Advice, Cause and Compensation are whole sentences.
	Advice, Cause, Compensation string
	// Link is where to read on: the update's link, or the status page.
	Link string
	// Maintenance tells a maintenance from an outage, where both have the same status.
	Maintenance bool
}

func newView(u incident.Update, c *Catalogue, w *words, tag string) *view {
	ms := moments{now: u.Time, loc: c.Location, w: w}
	v := &view{
		u: u, catalogue: c, w: w, tag: tag,
		StartedAt:      ms.of(&u.StartedAt),
		EndsAt:         ms.of(u.EndsAt),
		ResolvedAt:     ms.of(u.ResolvedAt),
		MissedEstimate: ms.of(u.MissedEstimate),
		NextUpdateAt:   ms.ahead(u.NextUpdateAt),
		Estimate:       ms.estimate(u.Estimate),
		Advice:         sentence(u.Advice.In(tag)),
		Cause:          sentence(u.Cause.In(tag)),
		Compensation:   sentence(u.Compensation.In(tag)),
		Link:           clean(u.Link),
		Maintenance:    u.Kind == incident.Maintenance,
	}
	if v.Link == "" {
		v.Link = clean(c.StatusPage)
	}
	if v.EndsAt != nil {
		v.Window = span(v.StartedAt, v.EndsAt)
	} else {
		v.Window = v.StartedAt.At()
	}
	return v
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
		Services: services, Regions: regions, Advice: v.Advice, Link: v.Link,
	}
	if v.u.Estimate != nil {
		n.EstimatedAt = v.u.Estimate.At
	}
	return n, nil
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
