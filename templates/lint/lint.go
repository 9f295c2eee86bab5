package lint

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates"
)

// Severity says how bad a finding is.
type Severity string

// The severities. An error would do harm if it were sent: it misleads, costs, or can't be read at all. A
// warning makes the message worse than it need be.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing to mend.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Place is where: a field of the update ("summary.ro", "estimate"), or a text as "kind/locale"
	// ("sms/ro"), its title as "kind/locale/subject". It is a field wherever the update's author can mend it.
	Place string `json:"place"`
	// Also are the other texts in which the same is found.
	Also []string `json:"also,omitempty"`
	// Words are those that offend, where it is words that do.
	Words string `json:"words,omitempty"`
	// Reason says what is wrong and what to do.
	Reason string `json:"reason"`
	// Status is that of the sample in which it was found; "" where a real update was checked.
	Status incident.Status `json:"status,omitempty"`
}

// Text is what an update says on one kind of channel in one locale.
type Text struct {
	Kind    channels.Kind
	Locale  string
	Content notification.Content
}

// Input is what is checked. Only Update is needed; what is not given is not checked.
type Input struct {
	Update incident.Update
	// Previous is the update before it of the same incident, nil if there is none or it isn't known.
	Previous *incident.Update
	// Texts are the update's, rendered.
	Texts []Text
	// Faults are why the update would be refused, and Unrendered why some of its texts could not be made.
	Faults     []incident.Fault
	Unrendered []error
	// Names are the services' and regions', by id and locale, as the texts have them.
	Services, Regions map[string]incident.Text
	// Organisation is its name, by locale.
	Organisation incident.Text
	// Zone is that of the times in texts; nil is UTC.
	Zone *time.Location
	// Settings are the organisation's.
	Settings Settings
}

// Settings are what an organisation wants. The zero value is a good start.
type Settings struct {
	// Domains are those that links may lead to, with everything below them. None: links are not held
	// against a list, only checked for what no good link has.
	Domains []string
	// Phones are the organisation's own numbers, which texts may name.
	Phones []string
	// Locales are those in which everything must be said. None: those in which the update has a summary.
	Locales []string
	// Jargon are words that must not be used either, by language ("ro"); Allowed are words that may be
	// used though the lists have them as jargon, or as of a bad tone. Both in the form of the lists: "failover*".
	Jargon, Allowed map[string][]string
	// SMSSegments is how many segments an SMS may have (0: 2), and SegmentPrice what one costs. SMSPrice
	// is what an SMS may cost, 0 for no bound, in the same currency.
	SMSSegments            int
	SegmentPrice, SMSPrice float64
	// PostLength is how long a post may be by X's rules, the strictest (0: 280), and MessageLength a text
	// for a messenger, in characters (0: 900, as texts are made; see templates.MostMessage).
	PostLength, MessageLength int
	// Emoji is how many a text may have; 0 is 1, negative none.
	Emoji int
	// SentenceWords and Lix replace the bounds of languages; see the package's documentation.
	SentenceWords, Lix map[string]int
}

func (s Settings) withDefaults() Settings {
	s.SMSSegments = cmp.Or(s.SMSSegments, templates.MostSegments)
	s.PostLength = cmp.Or(s.PostLength, templates.MostPost)
	s.MessageLength = cmp.Or(s.MessageLength, templates.MostMessage)
	s.Emoji = max(cmp.Or(s.Emoji, 1), 0)
	return s
}

// Check returns what is wrong with an update and its texts, in the order of the rules. Of an update with
// faults it tells these only, of one that says nothing to customers nothing. It is pure, and never fails:
// whatever is in the input, the answer is findings. It changes nothing of the input.
func Check(in Input) []Finding {
	m := newMessage(&in)
	if len(in.Faults) > 0 { // an update that can't be read can't be judged
		return findings(Rules()[0], schema(m))
	}
	if in.Update.Silent() {
		return nil
	}
	var all []Finding
	for _, rule := range Rules() {
		all = append(all, findings(rule, rule.check(m))...)
	}
	return all
}

// Worst returns the worst severity among findings, "" where there are none.
func Worst(all []Finding) Severity {
	worst := Severity("")
	for _, f := range all {
		if f.Severity == Error {
			return Error
		}
		worst = f.Severity
	}
	return worst
}

// hit is what a rule finds, before it is joined with the same in other texts.
type hit struct {
	place  string
	locale string
	words  string
	reason string
	// rendered says that it was found in a text and not in a field.
	rendered bool
}

// findings joins a rule's hits: what was found in a field is not told again of the texts that hold the
// field, and what several texts share is told once.
func findings(rule Rule, hits []hit) []Finding {
	type key struct{ locale, words string }
	type shared struct{ locale, words, reason string }
	inField := map[key]bool{}
	for _, h := range hits {
		if !h.rendered && h.words != "" {
			inField[key{h.locale, fold(h.words)}] = true
		}
	}
	var all []Finding
	first := map[shared]int{}
	for _, h := range hits {
		folded := fold(h.words)
		if h.rendered && h.words != "" && inField[key{h.locale, folded}] {
			continue
		}
		if h.rendered {
			k := shared{h.locale, folded, h.reason}
			if i, ok := first[k]; ok {
				if all[i].Place != h.place && !slices.Contains(all[i].Also, h.place) {
					all[i].Also = append(all[i].Also, h.place)
				}
				continue
			}
			first[k] = len(all)
		}
		all = append(all, Finding{Rule: rule.Name, Severity: rule.Severity, Place: h.place, Words: strings.TrimSpace(h.words), Reason: h.reason})
	}
	return all
}
