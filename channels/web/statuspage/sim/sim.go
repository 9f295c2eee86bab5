// Package sim is a reader of the status page: it looks at the files as browsers and feed readers get them
// from a web server, and counts what they say. It was written from the list of files and the shape of
// status.json in the documentation of package statuspage, and from RFC 4287 (Atom), RSS 2.0 and JSON Feed
// 1.1; it shares no code with the adapter.
package sim

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// Simulator describes a page in three languages, and its reader.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{Provider: "statuspage", Accounts: pages(), Settings: settings, Count: count}
}

// pages are the pages' names, each that of its language.
func pages() []string { return []string{"ro", "en", "ru"} }

// longHistory keeps on the page what stories of earlier years tell.
const longHistory = 3660

func settings(dir string) map[string]any {
	var list []map[string]any
	for _, name := range pages() {
		list = append(list, map[string]any{"name": name, "locale": name, "title": "Banca Meridian", "area": "Moldova"})
	}
	return map[string]any{
		"directory": dir, "url": "https://status.bank.example", "zone": "Europe/Chisinau", "history_days": longHistory, "pages": list,
	}
}

// count reads all pages. A message is accepted and delivered as soon as it is there to be read; one that was recalled
// had been.
func count(dir string) (sandbox.Tally, error) {
	var sum sandbox.Tally
	for _, name := range pages() {
		n, repeats, err := readPage(filepath.Join(dir, name))
		if err != nil {
			return sandbox.Tally{}, fmt.Errorf("page %s: %w", name, err)
		}
		gone, err := readRecalled(filepath.Join(dir, name))
		if err != nil {
			return sandbox.Tally{}, fmt.Errorf("page %s: %w", name, err)
		}
		sum.Accepted, sum.Delivered, sum.Repeats = sum.Accepted+n+gone, sum.Delivered+n+gone, sum.Repeats+repeats
		sum.Recalled += gone
	}
	if err := shows(filepath.Join(dir, "index.html"), nil); err != nil {
		return sandbox.Tally{}, err
	}
	return sum, nil
}

// status is status.json.
type status struct {
	Version int        `json:"version"`
	Current []incident `json:"current"`
	Planned []incident `json:"planned"`
	History []incident `json:"history"`
}

type incident struct {
	ID      string   `json:"id"`
	Updates []update `json:"updates"`
}

type update struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// readPage counts the messages of one page, and those whose text was there already. Everything that shows
// messages has to show the same.
func readPage(dir string) (n, repeats int, err error) {
	var s status
	if err := readJSON(filepath.Join(dir, "status.json"), &s); err != nil {
		return 0, 0, err
	}
	if s.Version != 1 {
		return 0, 0, fmt.Errorf("status.json: version %d, want 1", s.Version)
	}
	var ids []string
	for _, i := range slices.Concat(s.Current, s.Planned, s.History) {
		own, again, err := readIncident(dir, i)
		if err != nil {
			return 0, 0, err
		}
		ids, repeats = append(ids, own...), repeats+again
	}
	return len(ids), repeats, errors.Join(sameInFeeds(dir, ids), shows(filepath.Join(dir, "index.html"), nil))
}

// readRecalled counts what was recalled from one page. Nothing that shows messages may show it, and it has no alert;
// and the feed of alerts has to have a Cancel of it.
func readRecalled(dir string) (int, error) {
	var list struct {
		Recalled []struct {
			ID       string `json:"id"`
			Incident string `json:"incident"`
		} `json:"recalled"`
	}
	err := readJSON(filepath.Join(dir, "recalled.json"), &list)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	cancelled, all, err2 := readCancels(dir)
	if err := errors.Join(err, err2); err != nil {
		return 0, err
	}
	for _, r := range list.Recalled {
		if err := showsNot(dir, r.ID, r.Incident); err != nil {
			return 0, err
		}
		if all && !strings.Contains(cancelled, ","+r.ID+",") {
			return 0, fmt.Errorf("cap.xml has no Cancel of %s", r.ID)
		}
	}
	return len(list.Recalled), nil
}

// showsNot fails if a message that was recalled is on the page still. atom.xml names it, to say that it is gone.
func showsNot(dir, id, incident string) error {
	if _, err := os.Stat(filepath.Join(dir, "cap", id+".xml")); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was recalled and still has an alert", id)
	}
	for _, name := range []string{
		"status.json", "index.html", "rss.xml", "feed.json", "incidents/" + incident + ".html", "incidents/" + incident + ".json",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && (!errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(name, "incidents/")) {
			return err
		}
		if strings.Contains(string(text), id) {
			return fmt.Errorf("%s has %s, which was recalled", name, id)
		}
	}
	entries, err := readAtom(filepath.Join(dir, "atom.xml"))
	if err == nil && slices.Contains(entries, "urn:uuid:"+id) {
		err = fmt.Errorf("atom.xml has %s, which was recalled", id)
	}
	return err
}

// readCancels returns what is referred to by the Cancels in the feed of alerts, and whether that is long enough for
// all of them.
func readCancels(dir string) (references string, all bool, err error) {
	ids, err := readAtom(filepath.Join(dir, "cap.xml"))
	for _, id := range ids {
		var alert struct {
			XMLName    xml.Name `xml:"urn:oasis:names:tc:emergency:cap:1.2 alert"`
			MsgType    string   `xml:"msgType"`
			References string   `xml:"references"`
		}
		err = errors.Join(err, readXML(filepath.Join(dir, "cap", strings.TrimPrefix(id, "urn:uuid:")+".xml"), &alert))
		if alert.MsgType == "Cancel" {
			references += alert.References + " "
		}
	}
	return references, len(ids) < feedLength, err
}

// readIncident reads an incident's own page and its alerts.
func readIncident(dir string, i incident) (ids []string, repeats int, err error) {
	texts, marks := map[string]bool{}, []string(nil)
	for _, u := range i.Updates {
		if u.ID == "" || u.Title == "" || u.Text == "" {
			return nil, 0, fmt.Errorf("status.json: an update of %s has no id, title or text", i.ID)
		}
		if texts[u.Title+"\n"+u.Text] {
			repeats++
		}
		texts[u.Title+"\n"+u.Text] = true
		ids, marks = append(ids, u.ID), append(marks, "u-"+u.ID)
		err = errors.Join(err, shows(filepath.Join(dir, "cap", u.ID+".xml"), []string{u.ID}))
	}
	return ids, repeats, errors.Join(err, shows(filepath.Join(dir, "incidents", i.ID+".html"), marks))
}

// shows fails unless the file has all the words.
func shows(path string, words []string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return fmt.Errorf("%s is empty", filepath.Base(path))
	}
	for _, w := range words {
		if !strings.Contains(string(text), w) {
			return fmt.Errorf("%s doesn't show %s", filepath.Base(path), w)
		}
	}
	return nil
}

// feedLength is how many messages feeds have at most.
const feedLength = 50

// sameInFeeds compares what the three feeds have with what there is.
func sameInFeeds(dir string, ids []string) error {
	if len(ids) > feedLength {
		return nil // the newest of them: which, the adapter's own tests know
	}
	want := make([]string, 0, len(ids))
	for _, id := range ids {
		want = append(want, "urn:uuid:"+id)
	}
	slices.Sort(want)
	var errs []error
	for name, read := range map[string]func(string) ([]string, error){"atom.xml": readAtom, "rss.xml": readRSS, "feed.json": readJSONFeed} {
		got, err := read(filepath.Join(dir, name))
		slices.Sort(got)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("%s has %d messages, status.json %d: not the same", name, len(got), len(want))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func readAtom(path string) ([]string, error) {
	var feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		IDs     []string `xml:"entry>id"`
	}
	err := readXML(path, &feed)
	return feed.IDs, err
}

func readRSS(path string) ([]string, error) {
	var feed struct {
		XMLName xml.Name `xml:"rss"`
		IDs     []string `xml:"channel>item>guid"`
	}
	err := readXML(path, &feed)
	return feed.IDs, err
}

func readJSONFeed(path string) ([]string, error) {
	var feed struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	err := readJSON(path, &feed)
	var ids []string
	for _, i := range feed.Items {
		ids = append(ids, i.ID)
	}
	return ids, err
}

func readXML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err == nil {
		err = xml.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}
