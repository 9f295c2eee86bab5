package inbox

import (
	_ "embed"
	"net/http"
)

//go:embed embed.js
var script string

// embed serves the script. It is the same for everybody, and holds nothing secret.
func embed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write([]byte(script))
}
