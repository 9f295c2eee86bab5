package lint

import (
	"slices"
	"strings"
)

// worded tells every place where one of a list's phrases stands, unless it is allowed.
func (m *message) worded(list func(*language) phrases, reason func(words string) string) []hit {
	var hits []hit
	for _, p := range m.passages() {
		if p.lang == nil {
			continue
		}
		allowed := find(p.words, m.allowed(p.locale))
		for _, at := range find(p.words, list(p.lang)) {
			if !covered(at, allowed) {
				hits = append(hits, p.hit(p.quote(at), reason(p.quote(at))))
			}
		}
	}
	return hits
}

// allowed are the phrases that the organisation allows in a locale's language.
func (m *message) allowed(locale string) phrases {
	return newPhrases(m.settings.Allowed[base(locale)])
}

// covered says whether a match overlaps any of others.
func covered(m match, others []match) bool {
	return slices.ContainsFunc(others, func(o match) bool { return m.from < o.to && o.from < m.to })
}

func saying(reason string) func(string) string { return func(string) string { return reason } }

func hollow(m *message) []hit {
	return m.worded(func(l *language) phrases { return l.Hollow }, saying("says nothing: say what happened, what you do about it or what you are sorry for, or leave it out"))
}

func blame(m *message) []hit {
	return m.worded(func(l *language) phrases { return l.Blames }, saying("blames somebody: to customers it is ours, whoever's part failed"))
}

func absolutePromise(m *message) []hit {
	return m.worded(func(l *language) phrases { return l.Absolute }, saying("promises what nobody can: say what is being done"))
}

func flippant(m *message) []hit {
	return m.worded(func(l *language) phrases { return l.Flippant }, saying("is a tone for better days"))
}

func belittles(m *message) []hit {
	if !m.u.Impact.AtLeast("major") {
		return nil
	}
	return m.worded(func(l *language) phrases { return l.Belittles },
		saying("makes it small, and the impact is "+string(m.u.Impact)+": say how many, or how much"))
}

// jargonWords tells words of engineers, with the customer's where there is one.
func jargonWords(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		if p.lang == nil {
			continue
		}
		terms := p.lang.jargon
		for _, entry := range m.settings.Jargon[base(p.locale)] {
			terms = append(terms[:len(terms):len(terms)], jargon{phrase: newPhrase(entry)})
		}
		allowed := find(p.words, m.allowed(p.locale))
		for _, at := range find(p.words, phrasesOf(terms)) {
			if !covered(at, allowed) {
				hits = append(hits, p.hit(p.quote(at), "is jargon"+instead(terms, p.words[at.from:at.to])))
			}
		}
	}
	return hits
}

func phrasesOf(terms []jargon) phrases {
	ps := make(phrases, len(terms))
	for i, t := range terms {
		ps[i] = t.phrase
	}
	return ps
}

func instead(terms []jargon, words []token) string {
	for _, t := range terms {
		if t.instead != "" && len(t.phrase) == len(words) && t.phrase.matches(words) {
			return ": say “" + t.instead + "”"
		}
	}
	return ": say what it means for the customer"
}

// asksSecrets tells what asks for a secret, in sentences that don't warn of it.
func asksSecrets(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		if p.lang == nil {
			continue
		}
		for _, at := range find(p.words, p.lang.Secrets) {
			if len(find(p.within(p.words[at.from].sentence), p.lang.SecretsBut)) == 0 {
				hits = append(hits, p.hit(p.quote(at), "reads as phishing does: an outage message asks for nothing, and says so where it must"))
			}
		}
	}
	return hits
}

// vaguePromise tells words for a time that is none, unless their sentence has one.
func vaguePromise(m *message) []hit {
	var hits []hit
	for _, p := range m.passages() {
		if p.lang == nil {
			continue
		}
		well := find(p.words, p.lang.VagueBut)
		for _, at := range find(p.words, p.lang.Vague) {
			if !covered(at, well) && !hasClock(p.within(p.words[at.from].sentence)) {
				hits = append(hits, p.hit(p.quote(at), "is no time: give one, or say that there is none yet and when the next update comes"))
			}
		}
	}
	return hits
}

func hasClock(words []token) bool {
	return slices.ContainsFunc(words, func(w token) bool { return isClock(w.fold) })
}

func isClock(word string) bool {
	h, m, ok := strings.Cut(word, ":")
	return ok && len(h) > 0 && len(h) <= 2 && len(m) == 2 && strings.Trim(h+m, "0123456789") == ""
}

// promise is a promise for a time: "cards will work by 18:00".
type promise struct {
	p        *passage
	words    string
	sentence []token
}

// promises lists the promises for a time.
func (m *message) promises() []promise {
	var all []promise
	for _, p := range m.passages() {
		if p.lang == nil {
			continue
		}
		for _, at := range find(p.words, p.lang.Promises) {
			sentence := p.within(p.words[at.from].sentence)
			if hasClock(sentence) || len(find(sentence, p.lang.Spans)) > 0 {
				all = append(all, promise{p, p.quote(at), sentence})
			}
		}
	}
	return all
}

func unsourcedPromise(m *message) []hit {
	if m.u.Estimate != nil || m.u.EndsAt != nil || !underWay(m.u) {
		return nil
	}
	var hits []hit
	for _, promise := range m.promises() {
		hits = append(hits, promise.p.hit(promise.words, "promises an end, and the update has no estimate: put the time there, with how sure it is"))
	}
	return hits
}

// confidence wants hedged words for an estimate that is not sure.
func confidence(m *message) []hit {
	if m.u.Estimate == nil || m.u.Estimate.Confidence == "high" || !underWay(m.u) {
		return nil
	}
	how := "the confidence of the estimate is " + m.u.Estimate.Confidence
	hits := m.worded(func(l *language) phrases { return l.Certain }, saying("sounds sure, and "+how))
	for _, promise := range m.promises() {
		if len(find(promise.sentence, promise.p.lang.Hedges)) == 0 {
			hits = append(hits, promise.p.hit(promise.words, "sounds sure, and "+how+": say that it may take longer"))
		}
	}
	return hits
}
