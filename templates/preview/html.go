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

// HTML writes a page that stands by itself, with one update below the other. There must be one at least.
func HTML(w io.Writer, pages ...*Page) error {
	t, err := template.New("page").Funcs(template.FuncMap{"words": words}).Parse(pageSource)
	if err != nil {
		return err
	}
	updates := make([]map[string]any, len(pages))
	for i, p := range pages {
		all := p.sections()
		updates[i] = map[string]any{
			"Page": p, "Sections": all, "Notes": p.general(all), "Headline": p.headline(), "Initial": p.Initial(),
			"Clock": p.At.Format("15:04"), "Day": p.At.Format("Monday, 2 January"), "Handle": handle(p.Organisation),
		}
	}
	return t.Execute(w, map[string]any{"Pages": updates, "Style": template.CSS(pageStyle)})
}

// handle makes a name as social networks have them: "Banca Meridian" is @bancameridian.
func handle(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(name), ""))
}
