package sms

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSegments(t *testing.T) {
	a := strings.Repeat
	for _, tt := range []struct {
		name, text string
		n          int
		encoding   Encoding
	}{
		{"nothing", "", 1, GSM7},
		{"one letter", "a", 1, GSM7},
		{"160 septets", a("a", 160), 1, GSM7},
		{"161 septets", a("a", 161), 2, GSM7},
		{"2 × 153", a("a", 306), 2, GSM7},
		{"2 × 153 + 1", a("a", 307), 3, GSM7},
		{"80 extension characters", a("€", 80), 1, GSM7},
		{"81 extension characters: 76 in a part", a("€", 81), 2, GSM7},
		{"153 extension characters: 76 + 76 + 1", a("€", 153), 3, GSM7},
		{"an extension character as the last of one", a("a", 158) + "[", 1, GSM7},
		{"an extension character over the end of one", a("a", 159) + "[", 2, GSM7},
		{"an extension character at the end of a part", a("a", 151) + "[" + a("a", 153), 2, GSM7},
		{"an extension character not split over parts", a("a", 152) + "[" + a("a", 152), 3, GSM7},
		{"form feed is an extension character", a("a", 159) + "\f", 2, GSM7},
		{"line ends are in the alphabet", a("\r\n", 80), 1, GSM7},
		{"Ç is in the alphabet", a("Ç", 160), 1, GSM7},
		{"ç is not", "ç", 1, UCS2},
		{"a backquote is not", "`", 1, UCS2},
		{"a tab is not", "\t", 1, UCS2},
		{"escape itself is not", "\x1b", 1, UCS2},
		{"70 units", a("ж", 70), 1, UCS2},
		{"71 units", a("ж", 71), 2, UCS2},
		{"2 × 67", a("ж", 134), 2, UCS2},
		{"2 × 67 + 1", a("ж", 135), 3, UCS2},
		{"35 surrogate pairs", a("🔔", 35), 1, UCS2},
		{"36 surrogate pairs: 33 in a part", a("🔔", 36), 2, UCS2},
		{"67 surrogate pairs: 33 + 33 + 1", a("🔔", 67), 3, UCS2},
		{"a surrogate pair not split over parts", a("ж", 66) + "🔔" + a("ж", 66), 3, UCS2},
		{"one foreign letter at the end of many", a("a", 160) + "ж", 3, UCS2},
		{"a combining mark is a unit of its own", a("e\u0301", 36), 2, UCS2},
		{"no UTF-8", "\xff", 1, UCS2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, encoding := Segments(tt.text)
			if n != tt.n || encoding != tt.encoding {
				t.Errorf("Segments = %d, %v; want %d, %v", n, encoding, tt.n, tt.encoding)
			}
		})
	}
}

// TestAlphabet holds the code against the table of 3GPP TS 23.038, section 6.2.1, in its own order,
// in which position 27 is the escape.
func TestAlphabet(t *testing.T) {
	const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	const extension = "\f^{}\\[~]|€"
	if n := utf8.RuneCountInString(basic); n != 128 {
		t.Fatalf("the test's own table has %d characters, want 128", n)
	}
	for r := rune(0); r <= 0x3000; r++ {
		want := 0
		switch {
		case r == '\x1b':
		case strings.ContainsRune(basic, r):
			want = 1
		case strings.ContainsRune(extension, r):
			want = 2
		}
		if got := septets(r); got != want {
			t.Errorf("septets(%q) = %d, want %d", r, got, want)
		}
	}
}

func TestEncodingString(t *testing.T) {
	if got := GSM7.String() + " " + UCS2.String(); got != "GSM-7 UCS-2" {
		t.Errorf("the encodings print as %q", got)
	}
}

func TestSegmentsAllocatesNothing(t *testing.T) {
	text := strings.Repeat("Плата по картам. ", 20)
	if n := testing.AllocsPerRun(10, func() { Segments(text) }); n != 0 {
		t.Errorf("Segments allocates %v times, want 0", n)
	}
}

func FuzzSegments(f *testing.F) {
	for _, s := range []string{"", "a", "€", "ж", "🔔", "\xff", strings.Repeat("[a", 120)} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		n, encoding := Segments(a)
		runes := utf8.RuneCountInString(a)
		single, part := gsmSingle, gsmPart
		if encoding == UCS2 {
			single, part = ucsSingle, ucsPart
		}
		if n < 1 || (n > 1 && runes*2 <= single) {
			t.Errorf("%d segments for %d characters in %v", n, runes, encoding)
		}
		// No segment is left with room for two more than its last character needs.
		if least, most := (runes+single-1)/single, (2*runes+part-2)/(part-1)+1; n < least || n > most {
			t.Errorf("%d segments for %d characters in %v, want %d to %d", n, runes, encoding, least, most)
		}
		if longer, e := Segments(a + b); longer < n || e < encoding {
			t.Errorf("Segments fell from %d, %v to %d, %v when text was added", n, encoding, longer, e)
		}
	})
}

func BenchmarkSegments(b *testing.B) {
	for name, text := range map[string]string{
		"GSM-7": strings.Repeat("Card payments are down. ", 12),
		"UCS-2": strings.Repeat("Плата по картам. ", 12),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Segments(text)
			}
		})
	}
}
