package httpapi

import (
	"net/http"
	"strings"
	"time"
)

// login trades a token for a session cookie, and goes on to the pages. The cookie can't be read by
// scripts and isn't sent with requests that other sites make (RFC 6265bis, SameSite).
func (s *Server) login(w http.ResponseWriter, r *http.Request, _ *Token) error {
	noTrace(w)
	k := s.byToken(r.URL.Query().Get("token"))
	if k == nil {
		return s.loginPage(w)
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: k.cookieValue(time.Now().Add(sessionLife)), Path: "/",
		MaxAge: int(sessionLife / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: encrypted(r),
	})
	// A relative target holds behind a proxy with a path of its own, too.
	w.Header().Set("Location", "./")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// noTrace keeps the login link, which holds the token, out of caches and out of other sites' logs.
func noTrace(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// encrypted reports whether the browser speaks TLS to us or to the proxy before us. A caller who
// lies about it only makes their own cookie stricter.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// page lets in who has logged in, or sends a token.
func (s *Server) page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.caller(r, reader) == nil {
			noTrace(w)
			_ = s.loginPage(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loginHTML is the page of those who have not logged in. It stands alone, since it is all they see.
const loginHTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tocsin: not logged in</title>
</head>
<body>
<main>
<h1>Not logged in</h1>
<p>The login link is printed by <code>tocsin dashboard</code>, run where the server runs. It is also
<code>/login?token=…</code> on this server, with a token from <code>http.tokens</code> in its configuration.</p>
<p>A login lasts twelve hours.</p>
</main>
</body>
</html>
`

func (s *Server) loginPage(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusUnauthorized)
	return write(w, []byte(loginHTML))
}
