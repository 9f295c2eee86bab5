package statuspage

import (
	"encoding/json"
	"encoding/xml"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// node is any XML element.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

func parseXML(t *testing.T, data string) node {
	t.Helper()
	var n node
	if err := xml.Unmarshal([]byte(data), &n); err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	return n
}

func (n node) all(name string) []node {
	var found []node
	for _, c := range n.Children {
		if c.XMLName.Local == name {
			found = append(found, c)
		}
	}
	return found
}

func (n node) text(name string) string {
	if found := n.all(name); len(found) == 1 {
		return strings.TrimSpace(found[0].Text)
	}
	return ""
}

func (n node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// TestAtom checks the feeds for what RFC 4287 requires: sections 4.1.1 (feed) and 4.1.2 (entry).
func TestAtom(t *testing.T) {
	all := made(t, open(t, example), story("en"))
	for _, path := range []string{"en/atom.xml", "en/cap.xml", "ro/atom.xml"} {
		feed := parseXML(t, all[path])
		if feed.XMLName.Space != "http://www.w3.org/2005/Atom" || feed.XMLName.Local != "feed" {
			t.Errorf("%s is a %v", path, feed.XMLName)
		}
		seen := map[string]bool{}
		for _, n := range append(feed.all("entry"), feed) {
			id := n.text("id")
			if id == "" || seen[id] || n.text("title") == "" {
				t.Errorf("%s: %s: want one id of its own and one title", path, n.XMLName.Local)
			}
			seen[id] = true
			if _, err := time.Parse(time.RFC3339, n.text("updated")); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if !slices.ContainsFunc(n.all("link"), func(l node) bool { return l.attr("rel") == "alternate" && l.attr("href") != "" }) {
				t.Errorf("%s: %s has no alternate link", path, n.XMLName.Local)
			}
		}
		if author := feed.all("author"); len(author) != 1 || author[0].text("name") == "" {
			t.Errorf("%s has no author", path)
		}
	}
	if n := len(parseXML(t, all["en/atom.xml"]).all("entry")); n != len(story("en")) {
		t.Errorf("%d entries, want %d", n, len(story("en")))
	}
}

// TestRSS checks what RSS 2.0 requires, and the dates of RFC 822.
func TestRSS(t *testing.T) {
	rss := parseXML(t, made(t, open(t, example), story("en"))["en/rss.xml"])
	channel := rss.all("channel")[0]
	for _, required := range []string{"title", "description", "language"} {
		if channel.text(required) == "" {
			t.Errorf("the channel has no %s", required)
		}
	}
	items := channel.all("item")
	if rss.attr("version") != "2.0" || len(items) != len(story("en")) {
		t.Errorf("version %q with %d items", rss.attr("version"), len(items))
	}
	for _, item := range items {
		if _, err := time.Parse(time.RFC1123Z, item.text("pubDate")); err != nil {
			t.Error(err)
		}
		if item.text("title") == "" || item.text("guid") == "" || item.all("guid")[0].attr("isPermaLink") != "false" {
			t.Errorf("item %+v lacks a title or guid", item)
		}
	}
	if got := items[0].text("description"); got != "We have found the cause &amp; are &lt;fixing&gt; it.<br>\nWe expect it to be over by 19:30 today." {
		t.Errorf("description %q, want it as HTML", got)
	}
}

// TestJSONFeed checks what JSON Feed 1.1 requires.
func TestJSONFeed(t *testing.T) {
	var feed map[string]any
	if err := json.Unmarshal([]byte(made(t, open(t, example), story("en"))["en/feed.json"]), &feed); err != nil {
		t.Fatal(err)
	}
	if feed["version"] != "https://jsonfeed.org/version/1.1" || feed["title"] == "" {
		t.Errorf("version %v, title %v", feed["version"], feed["title"])
	}
	items := feed["items"].([]any)
	if len(items) != len(story("en")) {
		t.Errorf("%d items", len(items))
	}
	for _, i := range items {
		item := i.(map[string]any)
		if item["id"] == "" || item["content_text"] == "" {
			t.Errorf("item %v lacks what it must have", item)
		}
	}
}

// TestFeedsAreBounded: feeds have the newest messages only.
func TestFeedsAreBounded(t *testing.T) {
	var many []channels.Message
	for n := range feedLength + 10 {
		m := story("en")[3]
		news := *m.News
		news.At = news.At.Add(time.Duration(n) * time.Minute)
		m.News = &news
		many = append(many, m)
	}
	entries := parseXML(t, made(t, open(t, example), many)["en/atom.xml"]).all("entry")
	newest := many[len(many)-1].News.At.UTC().Format(time.RFC3339)
	if len(entries) != feedLength || entries[0].text("updated") != newest {
		t.Errorf("%d entries, the first of %s; want %d, of %s", len(entries), entries[0].text("updated"), feedLength, newest)
	}
}

// capOrder are the elements of a CAP 1.2 message in the order of its schema (appendix A of the
// standard), and how often they may be there: 1 once, ? at most once, + at least once, * any number.
func capOrder(element string) string {
	return map[string]string{
		"alert": "identifier1 sender1 sent1 status1 msgType1 source? scope1 restriction? addresses? code* note? references? incidents? info*",
		"info": "language? category+ event1 responseType* urgency1 severity1 certainty1 audience? eventCode* effective? onset? expires? senderName? " +
			"headline? description? instruction? web? contact? parameter* resource* area*",
		"area": "areaDesc1 polygon* circle* geocode* altitude? ceiling?",
	}[element]
}

// capValues are the values that an element may have (section 3.2).
func capValues(element string) []string {
	return strings.Fields(map[string]string{
		"status": "Actual Exercise System Test Draft", "msgType": "Alert Update Cancel Ack Error", "scope": "Public Restricted Private",
		"category":     "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
		"responseType": "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None",
		"urgency":      "Immediate Expected Future Past Unknown", "severity": "Extreme Severe Moderate Minor Unknown",
		"certainty": "Observed Likely Possible Unlikely Unknown",
	}[element])
}

func checkCAP(t *testing.T, n node) {
	t.Helper()
	if n.XMLName.Space != "urn:oasis:names:tc:emergency:cap:1.2" {
		t.Errorf("%s is in the namespace %q", n.XMLName.Local, n.XMLName.Space)
	}
	if allowed := capValues(n.XMLName.Local); len(allowed) > 0 && !slices.Contains(allowed, n.Text) {
		t.Errorf("%s is %q, want one of %v", n.XMLName.Local, n.Text, allowed)
	}
	if slices.Contains([]string{"sent", "effective", "onset", "expires"}, n.XMLName.Local) &&
		!regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d$`).MatchString(n.Text) {
		t.Errorf("%s is %q, want a time with an offset", n.XMLName.Local, n.Text)
	}
	left := n.Children
	for _, rule := range strings.Fields(capOrder(n.XMLName.Local)) {
		name, often := rule[:len(rule)-1], rule[len(rule)-1]
		count := 0
		for len(left) > 0 && left[0].XMLName.Local == name {
			checkCAP(t, left[0])
			left, count = left[1:], count+1
		}
		if (often == '1' || often == '+') && count == 0 || (often == '1' || often == '?') && count > 1 {
			t.Errorf("%s has %s %d times", n.XMLName.Local, name, count)
		}
	}
	if len(left) > 0 {
		t.Errorf("%s has %s, which it may not have at all or not there", n.XMLName.Local, left[0].XMLName.Local)
	}
}

// TestCAP holds every alert to the schema, and its references to the alerts that there are.
func TestCAP(t *testing.T) {
	for _, config := range []string{example, strings.Replace(example, "Europe/Chisinau", "UTC", 1), example + "exercise: true\nsender: status@meridian.example\n"} {
		known := map[string]bool{}
		var references []string
		for path, data := range made(t, open(t, config), story("en")) {
			if !strings.HasPrefix(path, "en/cap/") {
				continue
			}
			a := parseXML(t, data)
			checkCAP(t, a)
			if strings.ContainsAny(a.text("identifier")+a.text("sender"), " ,<&") {
				t.Errorf("identifier %q, sender %q", a.text("identifier"), a.text("sender"))
			}
			if path != "en/cap/"+a.text("identifier")+".xml" {
				t.Errorf("%s is %s", path, a.text("identifier"))
			}
			known[a.text("sender")+","+a.text("identifier")+","+a.text("sent")] = true
			references = append(references, strings.Fields(a.text("references"))...)
		}
		if len(known) != len(story("en")) || len(references) != 4 {
			t.Errorf("%d alerts with %d references, want %d with 4", len(known), len(references), len(story("en")))
		}
		for _, r := range references {
			if !known[r] {
				t.Errorf("a reference to %s, which there isn't", r)
			}
		}
	}
}

// TestCAPTime: UTC is -00:00 (section 3.3.2).
func TestCAPTime(t *testing.T) {
	v := view{site: site{zone: time.UTC}}
	if got := v.capTime(day(22, 18, 5)); got != "2026-11-22T16:05:00-00:00" {
		t.Errorf("UTC: %s", got)
	}
	v.zone = time.FixedZone("", 2*60*60)
	if got := v.capTime(day(22, 18, 5)); got != "2026-11-22T18:05:00+02:00" {
		t.Errorf("two hours east: %s", got)
	}
}

// TestBearing is what each update of an incident is as an alert.
func TestBearing(t *testing.T) {
	for _, c := range []struct {
		statuses string // the last one is the update's own
		soon     bool   // it begins within the hour
		want     string // msgType responseType urgency certainty
	}{
		{"investigating", false, "Alert Monitor Immediate Observed"},
		{"investigating identified", false, "Update Monitor Immediate Observed"},
		{"investigating monitoring", false, "Update Monitor Immediate Observed"},
		{"investigating correction", false, "Update Monitor Immediate Observed"},
		{"investigating resolved", false, "Cancel AllClear Past Observed"},
		{"investigating resolved postmortem", false, "Update None Past Observed"},
		{"investigating resolved correction", false, "Cancel AllClear Past Observed"},
		{"resolved", false, "Alert AllClear Past Observed"},
		{"scheduled", false, "Alert Prepare Future Likely"},
		{"scheduled", true, "Alert Prepare Expected Likely"},
		{"scheduled correction", false, "Update Prepare Future Likely"},
		{"scheduled in_progress", false, "Update Monitor Immediate Observed"},
		{"scheduled in_progress verifying", false, "Update Monitor Immediate Observed"},
		{"scheduled in_progress completed", false, "Cancel AllClear Past Observed"},
		{"scheduled cancelled", false, "Cancel AllClear Past Observed"},
	} {
		i := incident{topic: topic("a")}
		for n, status := range strings.Fields(c.statuses) {
			u := update{News: channels.News{Status: status, At: day(22, 12, n), StartedAt: day(23, 12, 0)}}
			if c.soon {
				u.StartedAt = day(22, 12, 30)
			}
			i.updates = append(i.updates, u)
		}
		s := said{i, len(i.updates) - 1}
		responseType, urgency, certainty := bearing(s)
		if got := strings.Join([]string{msgType(s), responseType, urgency, certainty}, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.statuses, got, c.want)
		}
	}
}

func TestSeverityAndExpiry(t *testing.T) {
	for impact, want := range map[string]string{"minor": "Minor", "major": "Moderate", "critical": "Severe"} {
		if got := severity(impact); got != want {
			t.Errorf("%s is %s, want %s", impact, got, want)
		}
	}
	at := day(22, 12, 0)
	u := update{News: channels.News{At: at, NextUpdateAt: at.Add(time.Hour)}}
	if got := expires(u); !got.Equal(at.Add(24 * time.Hour)) {
		t.Errorf("expires %v, want a day later: the next message may be late", got)
	}
	u.EndsAt = at.AddDate(0, 0, 6)
	if got := expires(u); !got.Equal(u.EndsAt) {
		t.Errorf("expires %v, want when the work ends", got)
	}
}

// TestStates is what a page says of itself after some updates.
func TestStates(t *testing.T) {
	m := story("en")
	for want, messages := range map[string][]channels.Message{
		"operational": m[:3], "critical": m, "minor": m[:1],
	} {
		if got := remembered(messages...).worst(); got != want {
			t.Errorf("state %s, want %s", got, want)
		}
	}
	work := m[2]
	news := *work.News
	news.Status, news.At = "in_progress", day(28, 1, 0)
	work.News = &news
	if got := remembered(m[2], work).worst(); got != "maintenance" {
		t.Errorf("state %s during planned work", got)
	}
}
