package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
)

// newTable aligns columns that are separated by tabs, once it is flushed.
func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 8, 2, ' ', 0) }

// newFigures is a table whose cells are aligned to the right; a row ends with a tab. Names in it are
// brought to one width with left.
func newFigures(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
}

// left fills a name up, so that it stays on the left in a table of figures.
func left(name string, width int) string { return fmt.Sprintf("%-*s", width, name) }

// thousands writes a count with separators: 10,000.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// figure is thousands, with a dot for nothing, so that the eye finds what there is.
func figure(n int64) string {
	if n == 0 {
		return "·"
	}
	return thousands(n)
}

// span writes a duration as people say it: 45s, 12m, 12m 30s, 3h 5m, 2d 4h.
func span(d time.Duration) string {
	if d < 0 {
		return "-" + span(-d)
	}
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		s := strconv.FormatInt(int64(d/u.size), 10) + u.name
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				s += " " + strconv.FormatInt(int64(rest), 10) + units[i+1].name
			}
		}
		return s
	}
	return "0s"
}

// clockTime writes a time as it is read aloud: Sat 19 Sep 13:35.
func clockTime(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(zone).Format("Mon 2 Jan 15:04")
}

// words makes a name that is written with underscores readable.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// onTerminal reports whether w is a terminal, where lines may be redrawn.
func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
