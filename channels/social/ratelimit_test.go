package social

import (
	"net/http"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestUntilReset(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"1795341605": 5 * time.Second, "1795341600": 0, "1": 0, "": 0, "soon": 0, "-5": 0,
		"9223372036854775807": 24 * time.Hour, "99999999999999999999": 0,
	} {
		h := http.Header{"Date": {"Sun, 22 Nov 2026 10:00:00 GMT"}, "Reset": {value}}
		if got := UntilReset(channels.Answer{Header: h}, "Reset"); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
