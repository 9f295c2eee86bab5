package preview

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html.tmpl
var pageSource string

//go:embed page.css
var pageStyle string

// HTML writes a page that stands by itself.
func HTML(w io.Writer, p *Page) error {
	t, err := template.New("page").Funcs(template.FuncMap{"words": words, "upper": strings.ToUpper}).Parse(pageSource)
	if err != nil {
		return err
	}
	all := p.sections()
	return t.Execute(w, map[string]any{
		"Page": p, "Style": template.CSS(pageStyle), "Sections": all, "Notes": p.general(all), "Locales": p.locales(),
		"Headline": p.headline(), "Initial": p.Initial(), "Clock": p.At.Format("15:04"), "Day": p.At.Format("Monday, 2 January"),
		"Handle": handle(p.Organisation),
	})
}

// handle makes a name as social networks have them: "Banca Meridian" is @bancameridian.
func handle(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(name), ""))
}
