// Package dashboard is the operators' pages: which incidents there are, who has been told, and who
// has not. The pages are plain HTML that is right without a script; a short one keeps them live, by
// fetching the page's main part again on each event of /v1/events.
//
// Nothing personal is on them: they are made of the ledger's running counts, and of the reports.
package dashboard

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Reader is what the pages read of the ledger.
type Reader interface {
	Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error)
	Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error)
	Update(ctx context.Context, id int64) (ledger.Update, error)
	Report(ctx context.Context, team, id string) (ledger.Report, error)
	Orders(ctx context.Context, team, id string) ([]ledger.OrderReport, error)
	Rejections(ctx context.Context, limit int) ([]ledger.Rejection, error)
}

//go:embed pages static
var files embed.FS

// pages serves the pages. It is safe for concurrent use.
type pages struct {
	ledger       Reader
	clock        clock.Clock
	organisation string
	presumed     []string
	reports      reports
	overview     *template.Template
	incident     *template.Template
	missing      *template.Template
}

// New makes the pages' handler: "/", "/incidents/{team}/{incident}" and "/static/". It lets in
// everybody: who may see it is its caller's business. presumed names the channels whose providers
// give no receipts, where what was accepted and is still open is presumed to have arrived.
func New(l Reader, c clock.Clock, organisation string, presumed ...string) http.Handler {
	p := &pages{
		ledger: l, clock: c, organisation: organisation, presumed: slices.Clone(presumed),
		reports: reports{ledger: l}, overview: page("overview"), incident: page("incident"), missing: page("missing"),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.showOverview)
	mux.HandleFunc("GET /incidents/{team}/{incident}", p.showIncident)
	mux.HandleFunc("/", p.showMissing)
	mux.Handle("GET /static/", static())
	return guarded(mux)
}

// page parses a page with its layout. The files are part of the program: a mistake in one shows in
// every test.
func page(name string) *template.Template {
	t := template.New("layout.html").Funcs(words)
	return template.Must(t.ParseFS(files, "pages/layout.html", "pages/parts.html", "pages/"+name+".html"))
}

// static serves what pages are made of. It has no version in its name, so browsers ask each time
// whether it has changed.
func static() http.Handler {
	sub, err := fs.Sub(files, "static")
	if err != nil {
		panic(err) // the name is a constant
	}
	serve := http.StripPrefix("/static/", http.FileServerFS(sub))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") { // no lists of files
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "max-age=300")
		serve.ServeHTTP(w, r)
	})
}

// policy lets a page load nothing but our own style, script and icon, and be part of no other page
// (W3C Content Security Policy Level 3).
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// FragmentHeader, set to anything, asks for a page's main part only.
const FragmentHeader = "Tocsin-Fragment"

// frame is what every page has around its own.
type frame struct {
	Title        string
	Organisation string
	Page         any
}

// show writes a page, whole or not at all.
func (p *pages) show(w http.ResponseWriter, r *http.Request, status int, t *template.Template, f frame) {
	f.Organisation = p.organisation
	name := "layout.html"
	if r.Header.Get(FragmentHeader) != "" {
		name = "main"
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, f); err != nil {
		http.Error(w, "this page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", FragmentHeader)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// trouble is what a page says that has nothing else to show.
type trouble struct{ Heading, Text string }

func (p *pages) showMissing(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusNotFound, p.missing, frame{Title: "Not found", Page: trouble{"Not found", "There is nothing at this address."}})
}

func (p *pages) showTrouble(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ledger.ErrNotFound) {
		p.show(w, r, http.StatusNotFound, p.missing, frame{Title: "Not found", Page: trouble{"Not found", "There is no such incident."}})
		return
	}
	p.show(w, r, http.StatusServiceUnavailable, p.missing, frame{Title: "Not available", Page: trouble{
		"Not available", "The ledger could not be read just now. Sending goes on without this page; /readyz names what fails.",
	}})
}
