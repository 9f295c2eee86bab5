package clock_test

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
)

func TestSpansHaveDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"400d": 400 * 24 * time.Hour, "1d12h": 36 * time.Hour, "36h": 36 * time.Hour, "0": 0, "0d": 0, "90m": 90 * time.Minute,
	} {
		if got, err := clock.ParseSpan(text); err != nil || got.Duration() != want {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1d-2h", "400", "1.5d", "1h2d", "99999d", "a day"} {
		if got, err := clock.ParseSpan(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestSpansAreWrittenShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"3d": 72 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "1h": time.Hour, "10m": 10 * time.Minute,
		"1m30s": 90 * time.Second, "0s": 0, "1d1s": 24*time.Hour + time.Second, "250ms": 250 * time.Millisecond, "10h0m5s": 10*time.Hour + 5*time.Second,
	} {
		s := clock.Span(d)
		if s.String() != want {
			t.Errorf("%v is written %s, want %s", d, s, want)
		}
		if back, err := clock.ParseSpan(want); err != nil || back != s {
			t.Errorf("%s is read as %v, %v", want, back, err)
		}
	}
}
