package dashboard

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// words are what pages use to say numbers and times.
var words = template.FuncMap{"number": number, "span": span, "clock": clockTime, "stamp": stamp, "plain": plain, "proof": proofName}

// number writes a count with thousands separators.
func number(n int64) string {
	if n < 0 {
		return "-" + number(-n)
	}
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes how long something took, in the two units that matter.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return span(-d)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 10*time.Minute && d%time.Minute >= time.Second:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// clockTime writes a time for readers, and stamp for the script, which says it in the reader's zone.
func clockTime(t time.Time) string { return t.UTC().Format("Mon 2 Jan 15:04") + " UTC" }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// plain writes a state's or a reason's name as words.
func plain(name any) string { return strings.ReplaceAll(fmt.Sprint(name), "_", " ") }

// proofName names the proof of an outcome, "" where there is none.
func proofName(p channels.Proof) string {
	if p == channels.NoProof {
		return ""
	}
	return p.String()
}
