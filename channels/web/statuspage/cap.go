package statuspage

import (
	"encoding/xml"
	"slices"
	"strings"
	"time"
)

// Alerts follow the Common Alerting Protocol 1.2, https://docs.oasis-open.org/emergency/cap/v1.2/CAP-v1.2-os.html.
//
// Each message is an alert of its own, in its page's language, and never changes, unless it is recalled: an alert that had
// all languages would have to wait for the slowest of them, or be changed after it was read. The first about
// an incident is an Alert, later ones are Updates that name all before, and what is over is cancelled.
//
// Severity is about life and property: no failing service of ours is Extreme, and one that is critical
// to customers is Severe.

// capAlert has its elements in the order of the schema.
type capAlert struct {
	XMLName    xml.Name `xml:"urn:oasis:names:tc:emergency:cap:1.2 alert"`
	Identifier string   `xml:"identifier"`
	Sender     string   `xml:"sender"`
	Sent       string   `xml:"sent"`
	Status     string   `xml:"status"`
	MsgType    string   `xml:"msgType"`
	Scope      string   `xml:"scope"`
	Note       string   `xml:"note,omitempty"`
	References string   `xml:"references,omitempty"`
	Incidents  string   `xml:"incidents"`
	Info       *capInfo `xml:"info"`
}

type capInfo struct {
	Language     string    `xml:"language"`
	Category     string    `xml:"category"`
	Event        string    `xml:"event"`
	ResponseType string    `xml:"responseType"`
	Urgency      string    `xml:"urgency"`
	Severity     string    `xml:"severity"`
	Certainty    string    `xml:"certainty"`
	Effective    string    `xml:"effective"`
	Onset        string    `xml:"onset,omitempty"`
	Expires      string    `xml:"expires"`
	SenderName   string    `xml:"senderName"`
	Headline     string    `xml:"headline"`
	Description  string    `xml:"description"`
	Instruction  string    `xml:"instruction,omitempty"`
	Web          string    `xml:"web"`
	Areas        []capArea `xml:"area"`
}

type capArea struct {
	Description string `xml:"areaDesc"`
}

func (v view) alerts() ([]file, error) {
	var files []file
	for _, i := range v.own {
		for n := range i.updates {
			raw, err := encodeXML(v.alert(said{i, n}))
			if err != nil {
				return nil, err
			}
			files = append(files, file{path: v.Name + "/" + alertPath(i.updates[n].ID), data: raw, once: true})
		}
	}
	for _, a := range v.afterRecalls() {
		raw, err := encodeXML(a)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: v.Name + "/" + alertPath(a.Identifier), data: raw, once: true})
	}
	return files, nil
}

func alertPath(id string) string { return "cap/" + id + ".xml" }

func (v view) alert(s said) capAlert {
	u, info := s.update(), v.info(s)
	a := v.envelope(u.ID, msgType(s), s.topic, u.At)
	a.Info = &info
	var names []string
	for _, earlier := range s.updates[:s.n] {
		names = append(names, v.reference(earlier.ID, earlier.At))
	}
	a.References = strings.Join(append(names, v.again(incident{s.topic, s.updates[:s.n]}, v.gone)...), " ")
	return a
}

// envelope is what every alert has.
func (v view) envelope(id, msgType, topic string, sent time.Time) capAlert {
	a := capAlert{
		Identifier: id, Sender: v.sender, Sent: v.capTime(sent), Status: "Actual", MsgType: msgType, Scope: "Public", Incidents: topic,
	}
	if v.exercise {
		a.Status, a.Note = "Exercise", v.words.Exercise
	}
	return a
}

func (v view) info(s said) capInfo {
	u := s.update()
	i := capInfo{
		Language: u.Locale, Category: "Infra", Event: v.words.Outage, Severity: severity(u.Impact),
		Effective: v.capTime(u.At), Expires: v.capTime(expires(u)), SenderName: v.Title,
		Headline: v.marked(u.Title), Description: u.Text, Instruction: u.Advice, Web: v.link(s),
	}
	if u.Kind == "maintenance" {
		i.Event = v.words.Maintenance
	}
	if !u.StartedAt.IsZero() {
		i.Onset = v.capTime(u.StartedAt)
	}
	i.ResponseType, i.Urgency, i.Certainty = bearing(s)
	for _, region := range u.Regions {
		i.Areas = append(i.Areas, capArea{region})
	}
	if i.Areas == nil {
		i.Areas = []capArea{{v.Area}}
	}
	return i
}

// capTime is a time as CAP wants it (section 3.3.2): to the second, and -00:00 instead of Z.
func (v view) capTime(t time.Time) string {
	t = t.In(v.zone)
	if _, offset := t.Zone(); offset == 0 {
		return t.Format("2006-01-02T15:04:05") + "-00:00"
	}
	return t.Format("2006-01-02T15:04:05-07:00")
}

// phaseAt is where the incident stood once the update was said.
func (s said) phaseAt() phase { return incident{s.topic, s.updates[:s.n+1]}.phase() }

func msgType(s said) string {
	switch {
	case s.n == 0:
		return "Alert" // a Cancel has to name what it cancels
	case s.phaseAt() == closed && s.update().Status != "postmortem":
		return "Cancel"
	}
	return "Update"
}

// bearing says what an update asks for, how soon, and how sure it is (section 3.2.2).
func bearing(s said) (responseType, urgency, certainty string) {
	u := s.update()
	switch p := s.phaseAt(); {
	case u.Status == "postmortem":
		return "None", "Past", "Observed"
	case p == closed:
		return "AllClear", "Past", "Observed"
	case p == planned && u.StartedAt.Sub(u.At) <= time.Hour:
		return "Prepare", "Expected", "Likely"
	case p == planned:
		return "Prepare", "Future", "Likely"
	}
	return "Monitor", "Immediate", "Observed"
}

func severity(impact string) string {
	switch impact {
	case "critical":
		return "Severe"
	case "major":
		return "Moderate"
	}
	return "Minor"
}

// freshFor is how long an alert holds at least: one that ended with the time promised for the next
// message would be gone just when that is late.
const freshFor = 24 * time.Hour

// expires is when an alert holds no longer by itself.
func expires(u update) time.Time {
	last := u.At.Add(freshFor)
	for _, t := range []time.Time{u.NextUpdateAt, u.EstimatedAt, u.EndsAt} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// alertFeed is an Atom feed of the newest alerts.
func (v view) alertFeed(newest []said) ([]byte, error) {
	feed := v.feedOf("cap.xml", v.heading()+" ("+v.words.Alerts+")")
	for _, s := range newest {
		u := s.update()
		feed.Entries = append(feed.Entries, v.capEntry(u.Locale, u.Title, u.Text, u.ID, u.At, v.link(s)))
	}
	feed.Entries = append(feed.Entries, v.recallEntries()...)
	feed.Deleted = append(feed.Deleted, v.againDeleted()...)
	slices.SortStableFunc(feed.Entries, func(a, b atomEntry) int { return strings.Compare(b.Updated, a.Updated) })
	feed.Entries = feed.Entries[:min(len(feed.Entries), feedLength)]
	return encodeXML(feed)
}

func (v view) capEntry(locale, title, text, id string, at time.Time, related string) atomEntry {
	return atomEntry{
		Lang: locale, ID: urn(id), Title: v.marked(title), Updated: stamp(at),
		Links:   []atomLink{{"alternate", "application/cap+xml", v.at(alertPath(id))}, {"related", "text/html", related}},
		Summary: &atomText{"text", text},
	}
}
