package main

import (
	"testing"
	"time"
)

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 10_000: "10,000", 123_456: "123,456", 1_000_000: "1,000,000", -1234: "-1,234",
	} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "0s",
		350 * time.Millisecond:          "350ms",
		45 * time.Second:                "45s",
		12 * time.Minute:                "12m",
		12*time.Minute + 30*time.Second: "12m 30s",
		3*time.Hour + 5*time.Minute + 9: "3h 5m",
		52 * time.Hour:                  "2d 4h",
		-90 * time.Second:               "-1m 30s",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	if got, want := wrap("one two  three\nfour", 9), "one two\nthree\nfour"; got != want {
		t.Errorf("wrap gives %q, want %q", got, want)
	}
}
