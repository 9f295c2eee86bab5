package templates

import "strings"

// oneLine puts a text on one line, single-spaced.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// paragraphs tidies a text of several lines: lines single-spaced and trimmed, paragraphs one blank
// line apart.
func paragraphs(s string) string {
	var b strings.Builder
	blank := false
	for line := range strings.Lines(s) {
		line = oneLine(line)
		if line == "" {
			blank = b.Len() > 0
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if blank {
			b.WriteByte('\n')
		}
		blank = false
		b.WriteString(line)
	}
	return b.String()
}

// gsmFold writes a text with the letters and signs of the GSM 7-bit alphabet (3GPP TS 23.038,
// section 6.2.1) where it has others of the same meaning: Romanian letters without their
// diacritics, those with a cedilla too, which stand for the right ones in older texts; and plain
// for typographic punctuation. What has no such form stays.
func gsmFold(s string) string { return gsmReplacer.Replace(s) }

var gsmReplacer = strings.NewReplacer(
	"ă", "a", "â", "a", "î", "i", "ș", "s", "ş", "s", "ț", "t", "ţ", "t",
	"Ă", "A", "Â", "A", "Î", "I", "Ș", "S", "Ş", "S", "Ț", "T", "Ţ", "T",
	"a\u0306", "a", "a\u0302", "a", "i\u0302", "i", "s\u0326", "s", "t\u0326", "t", // decomposed
	"A\u0306", "A", "A\u0302", "A", "I\u0302", "I", "S\u0326", "S", "T\u0326", "T",
	"’", "'", "‘", "'", "“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`,
	"–", "-", "—", "-", "‑", "-", "…", "...", "\u00a0", " ", "\u202f", " ",
)
