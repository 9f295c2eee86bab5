package httpapi

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// The field and value that a one-click request holds (RFC 8058, section 3.1). The page's button sends
// another value beside it, which tells the two apart.
const (
	oneClickField = "List-Unsubscribe"
	oneClickValue = "One-Click"
	buttonField   = "button"
)

// maxUnsubscribe bounds a request's body: RFC 8058 has one field in it.
const maxUnsubscribe = 16 << 10

// unsubscribePage asks whoever follows an unsubscribe link. It changes nothing: programs that look into
// messages follow links, too.
func (s *Server) unsubscribePage(w http.ResponseWriter, r *http.Request, _ *Token) error {
	n, _, err := s.leaver(r)
	if err != nil {
		return err
	}
	if n == nil {
		return s.leavePage(w, http.StatusGone, "", leaveGone)
	}
	return s.leavePage(w, http.StatusOK, n.Locale, leaveAsk)
}

// unsubscribe withdraws the consent that a link's token names, at once and without asking back: for the
// page's button, and for mailbox providers' one-click requests. It needs no cookie, sends nobody
// elsewhere, and may be repeated.
//
//	200  withdrawn
//	400  no one-click request
//	404  not one of our links
//	410  of a notification that is not kept any more
//	503  not stored; with Retry-After
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request, _ *Token) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxUnsubscribe)
	if err := r.ParseMultipartForm(maxUnsubscribe); err != nil && r.PostForm == nil {
		return invalid("the body can't be read", "it is a form with List-Unsubscribe=One-Click, as RFC 8058 says")
	}
	if r.PostFormValue(oneClickField) != oneClickValue {
		return invalid("the body is no one-click request", "it is a form with List-Unsubscribe=One-Click, as RFC 8058 says")
	}
	n, channel, err := s.leaver(r)
	if err != nil {
		return err
	}
	if n == nil {
		return s.leavePage(w, http.StatusGone, "", leaveGone)
	}
	c := ledger.Consent{Channel: channel, Number: n.Recipient, Source: audience.ByOneClick, At: s.Clock.Now()}
	if r.PostFormValue(buttonField) != "" {
		c.Source = audience.ByLink
	}
	if err := s.note(r.Context(), c); err != nil {
		return err
	}
	return s.leavePage(w, http.StatusOK, n.Locale, leaveDone)
}

// leaver finds the notification that a link stands in, and the channel; nil if it is not kept any more.
func (s *Server) leaver(r *http.Request) (*notification.Notification, string, error) {
	id, err := s.Signer.VerifyLeave(r.PathValue("token"))
	if err != nil {
		return nil, "", &problem{status: http.StatusNotFound, message: "this is not one of our links", hint: "copy the whole link from the message"}
	}
	return s.attemptOf(r.Context(), id)
}

// leaveStage is what the page has to say.
type leaveStage uint8

const (
	leaveAsk leaveStage = iota
	leaveDone
	leaveGone
)

// leaveView is what the page is made of.
type leaveView struct {
	Language, Organisation, Title, Text, Hint, Button string
}

// leaveHTML is the page. It holds nothing of the recipient, loads nothing, and posts to its own address.
const leaveHTML = `<!doctype html>
<html lang="{{.Language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
</head>
<body>
<main>
<p>{{.Organisation}}</p>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{- if .Hint}}
<p>{{.Hint}}</p>
{{- end}}
{{- if .Button}}
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button name="button" value="page">{{.Button}}</button>
</form>
{{- end}}
</main>
</body>
</html>
`

// leavePage writes the page in the language of a locale.
func (s *Server) leavePage(w http.ResponseWriter, status int, locale string, stage leaveStage) error {
	language, words := wordsFor(locale)
	v := leaveView{Language: language, Organisation: s.Organisation, Title: words.title}
	switch stage {
	case leaveAsk:
		v.Text, v.Button = words.ask, words.button
	case leaveDone:
		v.Text, v.Hint = words.done, words.hint
	case leaveGone:
		v.Text = words.gone
	}
	var page bytes.Buffer
	if err := s.leave.Execute(&page, v); err != nil {
		return err
	}
	noTrace(w)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	return write(w, page.Bytes())
}

func newLeavePage() *template.Template { return template.Must(template.New("leave").Parse(leaveHTML)) }
