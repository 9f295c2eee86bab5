package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// links are a trail of three entries.
func links(t *testing.T) []ledger.TrailLink {
	t.Helper()
	var head ledger.TrailHead
	var all []ledger.TrailLink
	for i, kind := range []ledger.TrailKind{ledger.TrailBegun, ledger.TrailRecorded, ledger.TrailApproved} {
		l, err := head.Append(ledger.TrailEntry{At: time.Unix(int64(i), 123_456_789).In(time.FixedZone("", 3600)), Kind: kind, Update: int64(i), By: "Ana"})
		if err != nil {
			t.Fatal(err)
		}
		all, head = append(all, l), l.Head()
	}
	return all
}

func TestTrailEncoding(t *testing.T) {
	l := links(t)[1]
	// What is hashed must never change: trails that were written before would not hold any more.
	const body = `{"seq":2,"at":"1970-01-01T00:00:01.123Z","kind":"update_recorded","update":1,"by":"Ana"}`
	const hash = "f61203614e5d57919564a9fda238e0622e5d7c704d0db25b56e4227fb4fb1d32"
	if string(l.Body) != body {
		t.Errorf("body %s\nwant %s", l.Body, body)
	}
	if l.Hash.String() != hash {
		t.Errorf("hash %s, want %s", l.Hash, hash)
	}
}

func TestTrailVerifier(t *testing.T) {
	for name, tt := range map[string]struct {
		change func([]ledger.TrailLink) []ledger.TrailLink
		want   string
		faults int
	}{
		"as it was": {func(l []ledger.TrailLink) []ledger.TrailLink { return l }, "", 0},
		"altered":   {func(l []ledger.TrailLink) []ledger.TrailLink { l[1].Body = []byte("{}"); return l }, "entry 2 has hash", 1},
		"altered with its hash": {func(l []ledger.TrailLink) []ledger.TrailLink {
			other, _ := l[0].Head().Append(ledger.TrailEntry{})
			l[1] = other
			return l
		}, "entry 3 follows hash", 1},
		"one gone":      {func(l []ledger.TrailLink) []ledger.TrailLink { return append(l[:1], l[2]) }, "entry 3 follows entry 1", 1},
		"first gone":    {func(l []ledger.TrailLink) []ledger.TrailLink { return l[1:] }, "entry 2 follows entry 0", 1},
		"kept as other": {func(l []ledger.TrailLink) []ledger.TrailLink { l[2].Update = 9; return l }, "but is kept as approved of update 9", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var v ledger.TrailVerifier
			var faults []string
			all := tt.change(links(t))
			for i := range all {
				if _, err := v.Check(&all[i]); err != nil {
					faults = append(faults, err.Error())
				}
			}
			if len(faults) != tt.faults || (tt.faults > 0 && !strings.Contains(faults[0], tt.want)) {
				t.Errorf("faults %q, want %d: %q", faults, tt.faults, tt.want)
			}
		})
	}
}

func TestTrailHeadText(t *testing.T) {
	head := links(t)[2].Head()
	b, err := head.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var back ledger.TrailHead
	if err := back.UnmarshalText(b); err != nil || back != head {
		t.Errorf("%s became %v, %v", b, back, err)
	}
	for _, bad := range []string{"", "3", "3:", "3:abc", "x" + string(b), "-" + string(b), string(b) + "0", "3:" + strings.Repeat("x", 64)} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a head", bad)
		}
	}
}

func TestClosedEntryCountsOutcomesOnly(t *testing.T) {
	u := ledger.Update{}.Update
	e := ledger.ClosedEntry(1, &u, 5, []ledger.Tally{
		{Channel: "sms", What: "reached", Count: 2}, {Channel: "sms", What: "delivered", Count: 2}, {What: "suppressed", Count: 1},
		{Channel: "email", What: "reached", Count: 2}, {Channel: "viber", What: "reached"},
	}, time.Unix(1, 0))
	want := []ledger.TrailOutcome{{Outcome: "reached", Channel: "email", Count: 2}, {Outcome: "reached", Channel: "sms", Count: 2}, {Outcome: "suppressed", Count: 1}}
	if len(e.Outcomes) != len(want) {
		t.Fatalf("outcomes %v, want %v", e.Outcomes, want)
	}
	for i := range want {
		if e.Outcomes[i] != want[i] {
			t.Errorf("outcome %v, want %v", e.Outcomes[i], want[i])
		}
	}
}
