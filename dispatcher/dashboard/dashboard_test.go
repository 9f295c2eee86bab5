package dashboard_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/dashboard"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

const cardsPage = "/incidents/payments/2026-05-09_cards"

// get asks for a page.
func get(t testing.TB, b *book, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	dashboard.New(b, still(), "Banca Meridian", "email", "telegram").ServeHTTP(w, r)
	return w
}

// document is a page taken apart.
type document struct {
	text  string         // all text, with single spaces
	tags  map[string]int // how often each element occurs
	attrs map[string]int // how often each element[attribute=value] occurs
}

// parse reads a page strictly enough to find tags that don't fit.
func parse(t testing.TB, page string) document {
	t.Helper()
	d := document{tags: map[string]int{}, attrs: map[string]int{}}
	x := xml.NewDecoder(strings.NewReader(page))
	x.Strict, x.AutoClose, x.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var text strings.Builder
	for {
		token, err := x.Token()
		if errors.Is(err, io.EOF) {
			d.text = strings.Join(strings.Fields(text.String()), " ")
			return d
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, page)
		}
		switch e := token.(type) {
		case xml.CharData:
			text.Write(e)
		case xml.EndElement:
			text.WriteByte(' ')
		case xml.StartElement:
			text.WriteByte(' ')
			d.tags[e.Name.Local]++
			for _, a := range e.Attr {
				d.attrs[e.Name.Local+"["+a.Name.Local+"="+a.Value+"]"]++
			}
		}
	}
}

func (d document) wantText(t *testing.T, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(d.text, want) {
			t.Errorf("no %q in: %s", want, d.text)
		}
	}
}

func (d document) wantAttr(t *testing.T, all ...string) {
	t.Helper()
	for _, want := range all {
		if d.attrs[want] == 0 {
			t.Errorf("no %s in %v", want, d.attrs)
		}
	}
}

func TestOverview(t *testing.T) {
	w := get(t, sample(), "/")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	d := parse(t, w.Body.String())
	d.wantText(t,
		"Banca Meridian", "Open 2", "Over 1", "Refused updates 1", "1 update waits for approval",
		"2026-05-09_cards payments outage critical identified", "Since 2 h 00 min Sat 9 May 10:00 UTC",
		"First notice ▲ after 1 h 15 min", "10 min ago, next one overdue by 5 min",
		"2,500 of 10,000 reached 25 % sending, identified · 7,380 open", "waits for one person; approved by Ana Rusu. Sent without approval at Sat 9 May 12:09 UTC .", "tocsin approve 13",
		"migration-7 core maintenance major scheduled Begins in 14 h 00 min", "First notice none yet", "Nobody told yet.",
		"lasted 3 h 00 min", "after 45 min", "900 of 900 reached 100 %",
		"web #4", "data.summary is missing", `data.status must not be "<fixed>"`,
	)
	d.wantAttr(t, "a[href="+cardsPage+"]", "a[href=/incidents/core/login-1]",
		"svg[aria-label=2,500 reached, 100 suppressed, 20 unreachable, 7,380 open of 10,000]", "rect[class=reached]", "html[lang=en]")
	if d.tags["h1"] != 1 || d.tags["main"] != 1 {
		t.Errorf("tags %v", d.tags)
	}
}

func TestOverviewOfNothing(t *testing.T) {
	d := parse(t, get(t, &book{}, "/").Body.String())
	d.wantText(t, "Open 0", "Nothing is wrong")
	if strings.Contains(d.text, "Refused") || strings.Contains(d.text, "Over") {
		t.Errorf("empty sections in: %s", d.text)
	}
}

func TestIncident(t *testing.T) {
	w := get(t, sample(), cardsPage)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	d := parse(t, w.Body.String())
	d.wantText(t,
		"2026-05-09_cards payments", "Next one promised Sat 9 May 11:55 UTC", "Updates 3",
		"correction #13", "Held: nobody is told before tocsin approve 13 . It waits for one person; approved by Ana Rusu.",
		"A failed storage system stops <cards> & cash machines. It is being replaced. Let go by Ana Rusu.",
		"channel planned attempts accepted delivered read reached by fallback open failed expired returned double reach",
		"email 2,000 2,000 850 0 0 20 0 830 presumed 30 0 0 0",
		"sms 5,000 5,230 3,100 2,080 0 2,080 130 1,020 40 0 12 0",
		"viber 2,980 2,980 1,200 400 120 400 0 800 0 200 0 3",
		"2,500 reached + 20 unreachable + 100 suppressed + 0 superseded + 7,380 open of 10,000 still open",
		"reached sms, delivered 9,780", "unreachable invalid address 20", "suppressed no consent 100",
		"50 % within 1 min 35 s", "95 % within 10 min", "Last one after 32 min", "SMS segments 19,560",
		"9,780 reached + 20 unreachable + 100 suppressed + 100 superseded of 10,000 ✓ everybody is accounted for",
	)
	d.wantAttr(t, "a[href=/v1"+cardsPage+"/report?format=csv]", "div[tabindex=0]")
	if strings.Contains(d.text, "counted anew") {
		t.Error("a report of the same counts is called old")
	}
}

// TestOldReport: a report whose counts have been overtaken says so.
// TestWhatOperatorsDid: what keeps messages from leaving, and who ordered it, is in sight.
func TestWhatOperatorsDid(t *testing.T) {
	b := sample()
	b.incidents[0].Paused, b.incidents[0].Progress[1].Paused = true, true
	b.incidents[0].Spending = ledger.Spending{Spent: 49_800, Cap: 50_000, Waiting: 1_200}
	b.orders = []ledger.OrderReport{
		{Order: ledger.Order{Verb: ledger.Pause, By: "Ana Rusu", Why: "wrong <region>", At: noon}, Result: "payments/2026-05-09_cards is paused"},
		{Order: ledger.Order{Verb: ledger.Cancel, By: "Ion", Why: "false alarm", At: noon}, Refused: true, Result: "nothing is left to cancel"},
	}
	d := parse(t, get(t, b, cardsPage).Body.String())
	d.wantText(t,
		"Paused: nothing is planned or sent before tocsin resume payments/2026-05-09_cards", "Paused before tocsin resume 12",
		"The budget is spent: 49,800 of 50,000 SMS segments. Messages of 1,200 more wait", "Orders 2",
		"pause Ana Rusu wrong <region> payments/2026-05-09_cards is paused", "cancel Ion false alarm refused: nothing is left to cancel",
	)
}

func TestOldReport(t *testing.T) {
	b := sample()
	r := b.reports["payments/2026-05-09_cards"]
	r.Updates[1].Tallies = tallies("sms", "reached", 1)
	parse(t, get(t, b, cardsPage).Body.String()).wantText(t, "Outcomes and balance are being counted anew.")
}

func TestTextsInOtherLanguages(t *testing.T) {
	d := parse(t, get(t, sample(), "/incidents/core/login-1").Body.String())
	d.wantText(t, "Autentificarea funcționează din nou.")
	d.wantAttr(t, "p[lang=ro]")
}

func TestFragment(t *testing.T) {
	page, fragment := get(t, sample(), cardsPage).Body.String(), get(t, sample(), cardsPage, dashboard.FragmentHeader, "1").Body.String()
	if !strings.HasPrefix(fragment, `<main id="main">`) || !strings.HasSuffix(strings.TrimSpace(fragment), "</main>") || !strings.Contains(page, fragment) {
		t.Errorf("fragment:\n%s", fragment)
	}
}

func TestNothingThere(t *testing.T) {
	for path, want := range map[string]int{"/incidents/core/none": 404, "/nothing": 404, "/static/none.css": 404, "/static/": 404} {
		if w := get(t, sample(), path); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	b := sample()
	b.err = errors.New("disk on fire")
	for _, path := range []string{"/", cardsPage} {
		w := get(t, b, path)
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "fire") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		parse(t, w.Body.String()).wantText(t, "Not available")
	}
}

var inline = regexp.MustCompile(`(?i)<script>|<style|\sstyle=|\son[a-z]+=|javascript:|https?://`)

// TestPolicy: the pages load nothing from elsewhere, run nothing that is not a file of ours, and
// every file that they name is there.
func TestPolicy(t *testing.T) {
	file := regexp.MustCompile(`/static/[a-z.]+`)
	for _, path := range []string{"/", cardsPage, "/nothing"} {
		w := get(t, sample(), path)
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
		if found := inline.FindString(w.Body.String()); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
		for _, name := range file.FindAllString(w.Body.String(), -1) {
			if f := get(t, sample(), name); f.Code != http.StatusOK || f.Body.Len() == 0 {
				t.Errorf("%s: %d", name, f.Code)
			}
		}
	}
}

func TestPromisesAreShown(t *testing.T) {
	b := sample()
	state := func(n promise.Name, due time.Duration) promise.State {
		return promise.State{Clock: promise.Clock{Name: n, Due: *at(due)}}
	}
	said, over := state(promise.NextUpdate, -time.Second), state(promise.FirstNotice, -time.Hour)
	said.SaidAt, over.StoppedAt = *at(-4 * time.Minute), *at(-30 * time.Minute)
	b.incidents[0].Clocks = []promise.State{over, state(promise.Estimate, -20*time.Minute), said, state(promise.Overrun, time.Hour+time.Minute)}
	d := parse(t, get(t, b, cardsPage).Body.String())
	d.wantText(t, "Promised 3", "Back as estimated ▲ overdue by 20 min", "Next update due now", "Tocsin has published an update by itself", "Planned end in 1 h 01 min")
	d = parse(t, get(t, b, "/").Body.String())
	d.wantText(t, "1 promise is overdue", "Back as estimated is overdue by 20 min.")
}
