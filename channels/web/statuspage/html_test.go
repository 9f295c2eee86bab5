package statuspage

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"math"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// pages are all HTML files of a site.
func pages(t *testing.T, all map[string]string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for p, data := range all {
		if path.Ext(p) == ".html" {
			found[p] = data
		}
	}
	if len(found) < 5 {
		t.Fatalf("%d pages only", len(found))
	}
	return found
}

// TestLinksLead: every relative link of every page leads to a file of the site.
func TestLinksLead(t *testing.T) {
	all := made(t, open(t, example), story("en"))
	href := regexp.MustCompile(`href="([^"]*)"`)
	for p, data := range pages(t, all) {
		for _, m := range href.FindAllStringSubmatch(data, -1) {
			u, err := url.Parse(html.UnescapeString(m[1]))
			if err != nil {
				t.Errorf("%s: href %q: %v", p, m[1], err)
				continue
			}
			if u.Scheme != "" || u.Path == "" {
				continue
			}
			target := path.Join(path.Dir(p), u.Path)
			if strings.HasSuffix(u.Path, "/") {
				target = path.Join(target, "index.html")
			}
			if _, there := all[target]; !there {
				t.Errorf("%s: href %q leads to %s, which there isn't", p, m[1], target)
			}
		}
	}
}

// TestNothingFromOutside: a page has no script and fetches nothing, and its policy says so.
func TestNothingFromOutside(t *testing.T) {
	css := regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	for p, data := range pages(t, made(t, open(t, example), story("en"))) {
		for _, bad := range []string{"<script", " src=", "@import", "url(", "style=", "onload", `rel="stylesheet"`} {
			if strings.Contains(data, bad) {
				t.Errorf("%s has %q", p, bad)
			}
		}
		m := css.FindStringSubmatch(data)
		if m == nil {
			t.Fatalf("%s has no style", p)
		}
		sum := sha256.Sum256([]byte(m[1]))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(html.UnescapeString(data), want) {
			t.Errorf("%s: the policy doesn't allow the page's own style: want %s", p, want)
		}
	}
}

// TestAccessible checks what of accessibility can be read off a page: its language, landmarks, one main
// heading, and times that machines can read. Contrast has a test of its own.
func TestAccessible(t *testing.T) {
	datetime := regexp.MustCompile(`<time datetime="([^"]*)">`)
	for p, data := range pages(t, made(t, open(t, example), story("en"))) {
		lang := strings.Split(p, "/")[0]
		if lang == "index.html" {
			lang = "ro"
		}
		for _, once := range []string{fmt.Sprintf("<html lang=%q>", lang), "<header>", `<main id="content">`, "<footer>", "<h1", "<title>", `name="viewport"`, `href="#content"`} {
			if n := strings.Count(data, once); n != 1 {
				t.Errorf("%s has %s %d times, want once", p, once, n)
			}
		}
		if n := strings.Count(data, "<nav aria-label="); n != 2 || strings.Count(data, "<nav") != n {
			t.Errorf("%s: want two landmarks of navigation, each with a name", p)
		}
		for _, m := range datetime.FindAllStringSubmatch(data, -1) {
			if _, err := time.Parse(time.RFC3339, html.UnescapeString(m[1])); err != nil {
				t.Errorf("%s: %v", p, err)
			}
		}
	}
}

// TestForeignText: whatever an update says, it is text.
func TestForeignText(t *testing.T) {
	m := story("en")[3]
	m.Subject = `"><script>alert(1)</script> {{.}}`
	m.Text = "<b>5 & 6</b> javascript:alert(1) https://a.example/?q=\"><img src=x onerror=y>\x00\x1b ]]>"
	m.News.Regions = []string{"<x>"}
	all := made(t, open(t, example), []channels.Message{m})
	for p, data := range all {
		for _, bad := range []string{"<script", "<img", "<b>", `href="javascript`, "\x00", "\x1b", "<x>"} {
			if strings.Contains(data, bad) {
				t.Errorf("%s has %q", p, bad)
			}
		}
	}
	if !strings.Contains(all["en/index.html"], `<a href="https://a.example/?q=">`) {
		t.Error("the link is no link any more")
	}
}

func TestCorrectionIsMarked(t *testing.T) {
	messages := story("en")
	all := made(t, open(t, example), messages[3:5])
	if p := all["en/incidents/"+topic("c")+".html"]; strings.Count(p, ` correction"`) != 1 || !strings.Contains(p, `<span class="badge">Correction</span>`) {
		t.Error("the correction is not marked among the messages")
	}
	if p := all["en/index.html"]; !strings.Contains(p, `<span class="badge">Correction</span>`) || !strings.Contains(p, "A correction: card payments") {
		t.Error("the correction is not on the page as what it is")
	}
}

func TestExerciseIsMarked(t *testing.T) {
	all := made(t, open(t, example+"exercise: true\n"), story("en"))
	for p, data := range all {
		said := strings.Contains(data, english().Exercise) || strings.Contains(data, russian().Exercise) || strings.Contains(data, romanian().Exercise)
		if !said && path.Ext(p) != ".json" && !strings.HasPrefix(p, "ro/") {
			t.Errorf("%s doesn't say that it is an exercise", p)
		}
	}
	if !strings.Contains(all["en/status.json"], `"exercise": true`) {
		t.Error("status.json doesn't say that it is an exercise")
	}
}

// TestContrast computes the contrast of the style's colours as WCAG 2.2 does (success criterion 1.4.3: at
// least 4.5 for text; 1.4.11: 3 for signs), in the light and in the dark.
func TestContrast(t *testing.T) {
	light, dark, _ := strings.Cut(style, "prefers-color-scheme:dark")
	for name, css := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6})`).FindAllStringSubmatch(css, -1) {
			colours[m[1]] = m[2]
		}
		pairs := [][2]string{{"ink", "page"}, {"ink", "card"}, {"soft", "page"}, {"soft", "card"}, {"link", "page"}, {"link", "card"}, {"on", "minor"}}
		for _, tone := range []string{"ok", "plan", "minor", "major", "critical"} {
			pairs = append(pairs, [2]string{tone, tone + "-tint"}, [2]string{"ink", tone + "-tint"}, [2]string{"link", tone + "-tint"}, [2]string{"on", tone})
		}
		for _, p := range pairs {
			if c := contrast(t, colours[p[0]], colours[p[1]]); c < 4.5 {
				t.Errorf("%s: %s on %s has contrast %.2f, want 4.5", name, p[0], p[1], c)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 7 {
		t.Fatalf("colour %q", colour)
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
