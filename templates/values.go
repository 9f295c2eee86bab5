package templates

import (
	"maps"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Values returns a recipient's values for a content's placeholders; nil if it has none, since every
// default is right for them. The map is not to be changed.
func Values(c *notification.Content, r *audience.Recipient) map[string]string {
	return NewFiller(c).Values(r)
}

// Alternatives returns what stands in a content for the recipients of single regions, by region, as they
// read it.
func Alternatives(c *notification.Content) map[string]string {
	if c.Recipe == nil {
		return nil
	}
	f, all := NewFiller(c), map[string]string{}
	for region, said := range c.Recipe.Alternatives {
		all[region] = f.fold(said)
	}
	return all
}

// Filler makes the values of many recipients of one content: what recipients of the same zone and
// region have in common it makes once. It is not safe for concurrent use.
type Filler struct {
	recipe   notification.Recipe
	own      []string          // names of recipients' own values that the content asks for
	named    bool              // the content asks for the recipient's name
	defaults map[string]string // by placeholder
	shared   map[shared]map[string]string
}

// shared is what decides about the values that recipients have in common.
type shared struct{ zone, region string }

// NewFiller makes the filler of a content.
func NewFiller(c *notification.Content) *Filler {
	f := &Filler{}
	if c.Recipe != nil {
		f.recipe = *c.Recipe
	}
	for _, part := range []notification.Segments{c.Subject, c.Text, c.HTML} {
		for i := range part {
			f.ask(&part[i])
		}
	}
	return f
}

func (f *Filler) ask(s *notification.Segment) {
	name := s.Placeholder
	if _, had := f.defaults[name]; had || name == "" {
		return
	}
	if f.defaults == nil {
		f.defaults, f.shared = map[string]string{}, map[shared]map[string]string{}
	}
	f.defaults[name] = s.Default
	_, isTime := f.recipe.Times[name]
	switch {
	case name == "name":
		f.named = true
	case !isTime && name != alternative:
		f.own = append(f.own, name)
	}
}

// Values returns a recipient's values; nil if there are none. The map is not to be changed: others
// may have the same.
func (f *Filler) Values(r *audience.Recipient) map[string]string {
	if f.defaults == nil {
		return nil
	}
	values, mine := f.common(r), false
	put := func(name, value string) {
		if value == "" {
			return
		}
		if !mine {
			values, mine = maps.Clone(values), true
			if values == nil {
				values = map[string]string{}
			}
		}
		values[name] = f.fold(value)
	}
	if f.named {
		put("name", r.Name)
	}
	for _, name := range f.own {
		put(name, r.Values[name])
	}
	return values
}

// common returns the values that the recipient shares with others; nil if there are none.
func (f *Filler) common(r *audience.Recipient) map[string]string {
	key := shared{region: f.region(r)}
	if len(f.recipe.Times) > 0 && r.Zone != f.recipe.Zone {
		key.zone = r.Zone
	}
	if key == (shared{}) {
		return nil
	}
	values, made := f.shared[key]
	if !made {
		values = f.make(key)
		f.shared[key] = values
	}
	return values
}

// region returns the first of the recipient's regions that has an alternative.
func (f *Filler) region(r *audience.Recipient) string {
	for _, region := range r.Regions {
		if f.recipe.Alternatives[region] != "" {
			return region
		}
	}
	return ""
}

func (f *Filler) make(key shared) map[string]string {
	values := map[string]string{}
	if key.region != "" {
		values[alternative] = f.fold(f.recipe.Alternatives[key.region])
	}
	if key.zone != "" {
		f.addTimes(values, key.zone)
	}
	if len(values) == 0 {
		return nil
	}
	return values
}

// addTimes adds the times that are said otherwise in a zone than in the content's own.
func (f *Filler) addTimes(values map[string]string, zone string) {
	w := languages()[languageOf(f.recipe.Locale)]
	loc, err := time.LoadLocation(zone)
	if err != nil || w == nil {
		return // the directory's zones were checked; the content's own zone is right for most
	}
	for name, t := range f.recipe.Times {
		if said := f.fold(w.say(t, f.recipe.Now, loc)); said != f.defaults[name] {
			values[name] = said
		}
	}
}

func (f *Filler) fold(value string) string {
	if f.recipe.Fold {
		return gsmFold(value)
	}
	return value
}
