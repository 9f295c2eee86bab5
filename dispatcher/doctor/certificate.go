package doctor

import (
	"crypto/tls"
	"fmt"
	"time"
)

// renewal is how long before its end a certificate should have been renewed: those who renew them by
// themselves do so with a month left.
const renewal = 14 * 24 * time.Hour

func (w *Watch) noteCertificate(state *tls.ConnectionState) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expires = state.PeerCertificates[0].NotAfter
}

// Certificate warns of the server's certificate if it should have been renewed by now; else, or where
// there was none, it finds nothing. One that has expired is refused before anything else is seen of it.
func (w *Watch) Certificate() []Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := w.expires.Sub(w.now())
	if w.expires.IsZero() || left > renewal {
		return nil
	}
	return []Finding{{
		About: "certificate", Level: Warning, Text: fmt.Sprintf("it ends in %d days", int(left.Hours()/24)),
		Mend: "see why it was not renewed: once it has ended, providers report nothing",
	}}
}
