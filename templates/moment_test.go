package templates

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func TestMoments(t *testing.T) {
	now := may(4, 18, 0)
	for _, tt := range []struct {
		t    time.Time
		want map[string][2]string // at, by
	}{
		{may(4, 23, 59), map[string][2]string{"en": {"today at 23:59", "by 23:59 today"}, "ro": {"astăzi, la 23:59", "astăzi, până la 23:59"}, "ru": {"сегодня в 23:59", "сегодня до 23:59"}}},
		{may(5, 0, 0), map[string][2]string{"en": {"tomorrow at 00:00", "by 00:00 tomorrow"}, "ro": {"mâine, la 00:00", "mâine, până la 00:00"}, "ru": {"завтра в 00:00", "завтра до 00:00"}}},
		{may(3, 9, 5), map[string][2]string{"en": {"yesterday at 09:05", "by 09:05 yesterday"}, "ro": {"ieri, la 09:05", "ieri, până la 09:05"}, "ru": {"вчера в 09:05", "вчера до 09:05"}}},
		{may(6, 9, 5), map[string][2]string{"en": {"on 6 May at 09:05", "by 09:05 on 6 May"}, "ro": {"pe 6 mai, la 09:05", "pe 6 mai, până la 09:05"}, "ru": {"6 мая в 09:05", "6 мая до 09:05"}}},
		{may(4, 18, 0).AddDate(1, 0, 0), map[string][2]string{"en": {"on 4 May 2027 at 18:00", "by 18:00 on 4 May 2027"}, "ro": {"pe 4 mai 2027, la 18:00", "pe 4 mai 2027, până la 18:00"}, "ru": {"4 мая 2027 года в 18:00", "4 мая 2027 года до 18:00"}}},
		// The zone decides the day: it is the fifth already where the texts are read.
		{time.Date(2026, 5, 4, 21, 30, 0, 0, time.UTC), map[string][2]string{"en": {"tomorrow at 00:30", "by 00:30 tomorrow"}, "ro": {"mâine, la 00:30", "mâine, până la 00:30"}, "ru": {"завтра в 00:30", "завтра до 00:30"}}},
	} {
		for tag, w := range languages() {
			said := func(form string) string { return w.say(notification.Time{Say: form, At: tt.t}, now, chisinau) }
			if got := [2]string{said(sayAt), said(sayBy)}; got != tt.want[tag] {
				t.Errorf("%s: got %q, want %q", tag, got, tt.want[tag])
			}
		}
	}
}

func TestShortMoments(t *testing.T) {
	now := may(4, 18, 0)
	for _, tt := range []struct {
		t    time.Time
		want map[string][2]string // till, since
	}{
		{may(4, 9, 5), map[string][2]string{"en": {"by 09:05", "since 09:05"}, "ro": {"până la 09:05", "de la 09:05"}, "ru": {"до 09:05", "с 09:05"}}},
		{may(5, 9, 5), map[string][2]string{"en": {"by 09:05 tomorrow", "since 09:05 on 5 May"}, "ro": {"până mâine la 09:05", "din 5 mai, ora 09:05"}, "ru": {"завтра до 09:05", "с 09:05 5 мая"}}},
		{may(6, 9, 5), map[string][2]string{"en": {"by 09:05 on 6 May", "since 09:05 on 6 May"}, "ro": {"până pe 6 mai la 09:05", "din 6 mai, ora 09:05"}, "ru": {"6 мая до 09:05", "с 09:05 6 мая"}}},
	} {
		for tag, w := range languages() {
			said := func(form string) string { return w.say(notification.Time{Say: form, At: tt.t}, now, chisinau) }
			if got := [2]string{said(sayTill), said(saySince)}; got != tt.want[tag] {
				t.Errorf("%s: got %q, want %q", tag, got, tt.want[tag])
			}
		}
	}
}

func TestSpan(t *testing.T) {
	for _, tt := range []struct {
		from, to time.Time
		want     map[string]string
	}{
		{may(5, 1, 0), may(5, 5, 0), map[string]string{"en": "tomorrow from 01:00 to 05:00", "ro": "mâine, între 01:00 și 05:00", "ru": "завтра с 01:00 до 05:00"}},
		{may(9, 1, 0), may(9, 5, 0), map[string]string{"en": "on 9 May from 01:00 to 05:00", "ro": "pe 9 mai, între 01:00 și 05:00", "ru": "9 мая с 01:00 до 05:00"}},
		{may(4, 23, 0), may(5, 5, 0), map[string]string{"en": "from 23:00 on 4 May to 05:00 on 5 May", "ro": "din 4 mai, ora 23:00, până pe 5 mai, ora 05:00", "ru": "с 23:00 4 мая до 05:00 5 мая"}},
	} {
		for tag, w := range languages() {
			if got := w.say(notification.Time{Say: saySpan, At: tt.from, To: tt.to}, may(4, 18, 0), chisinau); got != tt.want[tag] {
				t.Errorf("%s: got %q, want %q", tag, got, tt.want[tag])
			}
		}
	}
}

// A month's last day and the year's are next to the first of the next; clocks that change do not matter.
func TestRelation(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Chisinau")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		t, now string
		days   int
		near   bool
	}{
		{"2026-01-01 00:00", "2025-12-31 23:59", 1, true},
		{"2026-02-28 12:00", "2026-03-01 00:00", -1, true},
		{"2026-03-29 00:30", "2026-03-28 23:30", 1, true},
		{"2026-10-25 23:30", "2026-10-25 00:10", 0, true},
		{"2026-05-06 00:00", "2026-05-04 23:59", 0, false},
		{"2027-05-04 12:00", "2026-05-04 12:00", 0, false},
	} {
		days, near := relation(local(t, zone, tt.t), local(t, zone, tt.now))
		if days != tt.days || near != tt.near {
			t.Errorf("%s seen from %s: %d, %v", tt.t, tt.now, days, near)
		}
	}
}

func local(t *testing.T, zone *time.Location, s string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEveryMonthHasAName(t *testing.T) {
	for tag, w := range languages() {
		seen := map[string]bool{}
		for _, m := range w.months {
			if m == "" || seen[m] {
				t.Errorf("%s: months %v", tag, w.months)
			}
			seen[m] = true
		}
	}
}

func TestJoin(t *testing.T) {
	for n, want := range []string{"", "a", "a și b", "a, b și c"} {
		if got := romanian().join([]string{"a", "b", "c"}[:n]); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestGSMFold(t *testing.T) {
	for in, want := range map[string]string{
		"Știți că țânțarul împroașcă Ăștia": "Stiti ca tantarul improasca Astia",
		"cedile: ş ţ Ş Ţ":                   "cedile: s t S T",
		"s\u0326i a\u0306":                  "si a",
		"„citat” – it’s…\u00a0da":           `"citat" - it's... da`,
		"é ü € ж":                           "é ü € ж",
	} {
		if got := gsmFold(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "  ": "", "a": "a.", "a.": "a.", " a… ": "a…", "a?": "a?", "a”": "a”.", "a.”": "a.”", "(a.)": "(a.)", "a)": "a).", `"`: `".`,
	} {
		if got := sentence(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestParagraphs(t *testing.T) {
	for in, want := range map[string]string{
		"": "", " \n\n a  b \n\n\n c\n \nd": "a b\n\nc\n\nd", "a\r\nb\n": "a\nb",
	} {
		if got := paragraphs(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
