package plan

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

func newQuiet(t testing.TB, from, to string) *Quiet {
	t.Helper()
	q, err := NewQuiet(from, to, incident.Major, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func utc(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestQuietUntil(t *testing.T) {
	for _, tt := range []struct {
		name, from, to, zone, now, want string
	}{
		{"by day", "22:00", "07:00", "UTC", "2026-05-04 12:00", ""},
		{"as they begin", "22:00", "07:00", "UTC", "2026-05-04 22:00", "2026-05-05 07:00"},
		{"before midnight", "22:00", "07:00", "UTC", "2026-05-04 23:59", "2026-05-05 07:00"},
		{"after midnight", "22:00", "07:00", "UTC", "2026-05-05 00:30", "2026-05-05 07:00"},
		{"as they end", "22:00", "07:00", "UTC", "2026-05-05 07:00", ""},
		{"within a day", "13:00", "15:00", "UTC", "2026-05-05 14:00", "2026-05-05 15:00"},
		{"before those within a day", "13:00", "15:00", "UTC", "2026-05-05 12:59", ""},
		{"until midnight", "22:00", "00:00", "UTC", "2026-05-04 23:00", "2026-05-05 00:00"},
		{"on the last day of a month", "22:00", "07:00", "UTC", "2026-05-31 23:00", "2026-06-01 07:00"},
		{"further east it is night", "22:00", "07:00", "Europe/Chisinau", "2026-05-04 20:00", "2026-05-05 04:00"},
		{"further west it is not", "22:00", "07:00", "America/New_York", "2026-05-04 23:00", ""},
		{"a zone that nobody knows", "22:00", "07:00", "Mars/Olympus", "2026-05-04 23:00", "2026-05-05 07:00"},
		{"no zone", "22:00", "07:00", "", "2026-05-04 23:00", "2026-05-05 07:00"},
		// New York, 8 March 2026: 01:59 EST is followed by 03:00 EDT.
		{"a night without an hour", "22:00", "07:00", "America/New_York", "2026-03-08 04:00", "2026-03-08 11:00"},
		{"an end that is skipped", "22:00", "02:30", "America/New_York", "2026-03-08 04:00", "2026-03-08 07:00"},
		{"a beginning that is skipped", "02:30", "07:00", "America/New_York", "2026-03-08 06:45", ""},
		{"after a beginning that was skipped", "02:30", "07:00", "America/New_York", "2026-03-08 07:00", "2026-03-08 11:00"},
		// New York, 1 November 2026: 01:59 EDT is followed by 01:00 EST.
		{"a night with an hour more", "22:00", "07:00", "America/New_York", "2026-11-01 03:00", "2026-11-01 12:00"},
		{"an end that comes twice", "22:00", "01:30", "America/New_York", "2026-11-01 03:00", "2026-11-01 05:30"},
		{"between the two", "22:00", "01:30", "America/New_York", "2026-11-01 06:00", ""},
	} {
		var want time.Time
		if tt.want != "" {
			want = utc(tt.want)
		}
		r := &audience.Recipient{ID: "c", Zone: tt.zone}
		if got := newQuiet(t, tt.from, tt.to).Until(r, incident.Minor, utc(tt.now)); !got.Equal(want) {
			t.Errorf("%s: until %v, want %v", tt.name, got, want)
		}
	}
}

func TestQuietDelaysNothingElse(t *testing.T) {
	q, night := newQuiet(t, "22:00", "07:00"), utc("2026-05-04 23:00")
	customer := &audience.Recipient{ID: "c", Zone: "UTC"}
	account := &audience.Recipient{ID: audience.AccountPrefix + "mastodon:bank", Zone: "UTC"}
	for _, tt := range []struct {
		q      *Quiet
		r      *audience.Recipient
		impact incident.Impact
		quiet  bool
	}{
		{q, customer, incident.Minor, true}, {q, customer, incident.Major, false}, {q, customer, incident.Critical, false},
		{q, account, incident.Minor, false}, {nil, customer, incident.Minor, false},
	} {
		if got := tt.q.Until(tt.r, tt.impact, night); got.IsZero() == tt.quiet {
			t.Errorf("%s, impact %s: until %v", tt.r.ID, tt.impact, got)
		}
	}
}

func TestNewQuietSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ from, to, unless, want string }{
		{"22", "07:00", "major", `from: "22" must be a time of day such as 22:00`},
		{"22:00", "24:00", "major", `to: "24:00" must be a time of day such as 22:00`},
		{"22:00", "22:00", "major", "to: must not be the same as from"},
		{"22:00", "07:00", "huge", `unless: "huge" must be minor, major or critical`},
	} {
		if _, err := NewQuiet(tt.from, tt.to, incident.Impact(tt.unless), time.UTC); err == nil || err.Error() != tt.want {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

// Whatever the hours, the zone and the moment: what is put off is put off to a moment that is not quiet
// any more, at most a day and a skipped hour away, the same for all recipients of a zone; and what
// overrides the hours is never put off.
func TestQuietHolds(t *testing.T) {
	clockTime := rapid.Custom(func(t *rapid.T) string {
		return time.Unix(60*int64(rapid.IntRange(0, 24*60-1).Draw(t, "minute")), 0).UTC().Format("15:04")
	})
	rapid.Check(t, func(t *rapid.T) {
		from := clockTime.Draw(t, "from")
		to := clockTime.Filter(func(to string) bool { return to != from }).Draw(t, "to")
		q, err := NewQuiet(from, to, incident.Major, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		r := &audience.Recipient{Zone: rapid.SampledFrom([]string{"UTC", "Europe/Chisinau", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}).Draw(t, "zone")}
		now := utc("2026-01-01 00:00").Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "now")) * time.Minute)
		impact := rapid.SampledFrom([]incident.Impact{incident.Minor, incident.Major, incident.Critical}).Draw(t, "impact")
		end := q.Until(r, impact, now)
		switch {
		case end.IsZero():
			return
		case impact != incident.Minor:
			t.Fatalf("%s news waits until %v", impact, end)
		case !end.After(now), end.Sub(now) > 25*time.Hour:
			t.Fatalf("at %v: until %v", now, end)
		}
		if other := q.Until(&audience.Recipient{Zone: r.Zone}, impact, end.Add(-time.Second)); !other.Equal(end) {
			t.Fatalf("a second before the end they last until %v, not %v", other, end)
		}
	})
}
