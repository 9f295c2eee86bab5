package lint

import (
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// acknowledges wants the first notice's own words to say that something is wrong, and those of the next
// one too where the text around them doesn't.
func acknowledges(m *message) []hit {
	if m.u.Status != incident.Investigating && m.u.Status != incident.Identified {
		return nil
	}
	var hits []hit
	if m.u.Status == incident.Investigating {
		for _, p := range m.fields {
			if p.field == "summary" && p.lang != nil && !p.has(p.lang.Acknowledges) {
				hits = append(hits, p.hit("", "does not say what doesn't work: begin with that"))
			}
		}
	}
	if len(hits) > 0 {
		return hits
	}
	for _, r := range m.texts {
		if r.known() && (r.long() || m.firstNews()) && !r.says(func(l *language) phrases { return l.Acknowledges }) {
			hits = append(hits, r.hit("does not say that something doesn't work"))
		}
	}
	return hits
}

// affected wants to know what is affected: by the update's ids, or else by its words.
func affected(m *message) []hit {
	for _, id := range m.u.Unaffected {
		if slices.Contains(m.u.Affects.Services, id) {
			return at("unaffected", "names "+id+", which affects.services does too")
		}
	}
	if m.u.Status == incident.Correction || m.u.Status == incident.Cancelled {
		return nil
	}
	if a := m.u.Affects; len(a.Services)+len(a.Recipients) == 0 {
		return m.affectedInWords()
	}
	if !underWay(m.u) && !announcedAhead(m.u) {
		return nil
	}
	return m.unnamed(m.u.Affects.Services, m.in.Services, "does not name what is affected")
}

// affectedInWords tells the summaries that don't name what is affected where the update's ids don't.
func (m *message) affectedInWords() []hit {
	var hits []hit
	for _, p := range m.fields {
		if p.field != "summary" || p.lang == nil || p.has(p.lang.Everything) || p.namesAny(m.in.Services) {
			continue
		}
		hits = append(hits, p.hit("", "does not say what is affected, nor does affects.services: name the services, or say that it is all of them"))
	}
	return hits
}

func (p *passage) namesAny(things map[string]incident.Text) bool {
	for _, name := range things {
		if n := name.In(p.locale); n != "" && p.names(n) {
			return true
		}
	}
	return false
}

// unnamed tells the texts that name none of the things, of those whose names we know. What short kinds lack
// is told of the field that they say.
func (m *message) unnamed(ids []string, known map[string]incident.Text, reason string) []hit {
	var hits []hit
	told := map[*passage]bool{}
	for _, r := range m.texts {
		names := namesOf(ids, known, r.Locale)
		if len(names) == 0 || !r.long() && !m.firstNews() || slices.ContainsFunc(r.passages, func(p *passage) bool { return p.namesOneOf(names) }) {
			continue
		}
		field := m.brief(r.Locale)
		switch {
		case r.long() || field == nil || field.namesOneOf(names):
			hits = append(hits, r.hit(reason))
		case !told[field]:
			told[field] = true
			hits = append(hits, field.hit("", reason+", and "+r.place+" has no room to add it"))
		}
	}
	return hits
}

func namesOf(ids []string, known map[string]incident.Text, locale string) []string {
	var names []string
	for _, id := range ids {
		if name := known[id].In(locale); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (p *passage) namesOneOf(names []string) bool { return slices.ContainsFunc(names, p.names) }

func where(m *message) []hit {
	if len(m.u.Affects.Recipients) > 0 || !underWay(m.u) && !announcedAhead(m.u) {
		return nil
	}
	return m.unnamed(m.u.Affects.Regions, m.in.Regions, "does not say where it is")
}

// apologises wants an apology at the beginning and at the end, in the middle where a promise was broken
// (missedEstimate). What has room for the bare news only apologises at the end.
func apologises(m *message) []hit {
	var hits []hit
	for _, h := range m.sorry("does not say sorry") {
		long := slices.ContainsFunc(m.texts, func(r *rendition) bool { return r.place == h.place && r.long() })
		switch m.u.Status {
		case incident.Resolved, incident.Postmortem, incident.Correction:
			hits = append(hits, h)
		case incident.Investigating:
			if long {
				hits = append(hits, h)
			}
		case incident.Identified, incident.Monitoring, incident.Scheduled, incident.InProgress, incident.Verifying,
			incident.Completed, incident.Cancelled:
		}
	}
	return hits
}

// cause wants the cause with the end, or the word that it will be told. Short kinds leave it to the page
// that they link to.
func cause(m *message) []hit {
	if m.u.Status != incident.Resolved {
		return nil
	}
	var hits []hit
	for _, r := range m.texts {
		if !r.long() || !r.known() || r.says(func(l *language) phrases { return l.Follows }) || r.holds(m.u.Cause.In(r.Locale)) {
			continue
		}
		hits = append(hits, r.hit("says neither what caused it nor that the cause will be told"))
	}
	if len(hits) > 0 && len(m.u.Cause) == 0 {
		return at("cause", "is missing, and the texts don't say that it will be told")
	}
	return hits
}

// holds says whether the text holds a field's words.
func (r *rendition) holds(field string) bool {
	words, _ := tokenize(field)
	if len(words) == 0 {
		return false
	}
	for _, p := range r.passages {
		for i := range p.words {
			if sameWords(p.words[i:], words) {
				return true
			}
		}
	}
	return false
}

func sameWords(text, words []token) bool {
	if len(words) > len(text) {
		return false
	}
	for i, w := range words {
		if text[i].fold != w.fold {
			return false
		}
	}
	return true
}

// postmortem wants a cause in every language, and beside it, in the cause, the summary or the advice, what
// is changed.
func postmortem(m *message) []hit {
	if m.u.Status != incident.Postmortem {
		return nil
	}
	if len(m.u.Cause) == 0 {
		return at("cause", "is missing: a postmortem says what caused it")
	}
	var hits []hit
	for _, p := range m.fields {
		if p.field != "cause" || p.lang == nil {
			continue
		}
		measures := slices.ContainsFunc(m.fields, func(q *passage) bool {
			return q.locale == p.locale && q.field != "compensation" && q.field != "short" && q.has(p.lang.Measures)
		})
		if !measures {
			hits = append(hits, p.hit("", "does not say what is changed so that it doesn't happen again"))
		}
	}
	return hits
}
