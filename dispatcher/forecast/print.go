package forecast

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Print writes a forecast for people, lines of up to about 100 characters.
func Print(w io.Writer, f *Forecast) error {
	var b strings.Builder
	printAudience(&b, &f.Audience)
	printFigures(&b, f)
	printChannels(&b, f)
	printRegions(&b, f)
	printBounds(&b, f)
	printInputs(&b, f)
	_, err := io.WriteString(w, b.String())
	return err
}

func printAudience(b *strings.Builder, a *Audience) {
	fmt.Fprintf(b, "audience: %s customers", count(float64(a.Recipients-a.Accounts)))
	if a.Accounts > 0 {
		fmt.Fprintf(b, ", %s public accounts", count(float64(a.Accounts)))
	}
	b.WriteByte('\n')
	if a.Recipients == 0 {
		b.WriteString("nobody is affected: see the update's services, regions and segments\n")
	}
	if len(a.Untold) > 0 {
		parts := make([]string, len(a.Untold))
		for i, u := range a.Untold {
			parts[i] = fmt.Sprintf("%s %s (%s)", count(float64(u.Count)), u.Outcome, strings.ReplaceAll(string(u.Reason), "_", " "))
		}
		fmt.Fprintf(b, "not told: %s\n", strings.Join(parts, ", "))
	}
	if a.Quiet > 0 {
		fmt.Fprintf(b, "quiet hours hold %s of them back, the last until %s\n", count(float64(a.Quiet)), a.QuietUntil.UTC().Format("2 Jan 15:04 MST"))
	}
}

func printFigures(b *strings.Builder, f *Forecast) {
	t := figures(b)
	row(t, "", "expected", "at least", "at most")
	row(t, "reached", count(f.Reached.Expected), count(f.Reached.Least), count(f.Reached.Most))
	if f.Segments.Most > 0 {
		row(t, "SMS segments", count(f.Segments.Expected), count(f.Segments.Least), count(f.Segments.Most))
	}
	if f.Money.Most > 0 {
		money := func(v float64) string { return Money(v, f.Inputs.Prices.Currency) }
		row(t, "money", money(f.Money.Expected), money(f.Money.Least), money(f.Money.Most))
	}
	row(t, "last message sent after", Span(f.LastSent.Expected), Span(f.LastSent.Least), Span(f.LastSent.Most))
	row(t, "last outcome known after", Span(f.LastReached.Expected), Span(f.LastReached.Least), Span(f.LastReached.Most))
	_ = t.Flush()
	if len(f.Worst.Down) == 0 {
		return
	}
	fmt.Fprintf(b, "worst case, %s down: %s reached", strings.Join(f.Worst.Down, " and "), count(f.Worst.Reached))
	if f.Segments.Most > 0 {
		fmt.Fprintf(b, ", %s SMS segments", count(f.Worst.Segments))
	}
	if f.Money.Most > 0 {
		fmt.Fprintf(b, ", %s", Money(f.Worst.Money, f.Inputs.Prices.Currency))
	}
	fmt.Fprintf(b, ", the last sent after %s\n", Span(f.Worst.LastSent))
}

func printChannels(b *strings.Builder, f *Forecast) {
	if len(f.Channels) == 0 {
		return
	}
	b.WriteByte('\n')
	t := figures(b)
	row(t, "channel", "first", "tried", "at most", "reached", "fail lately", "a second")
	for i := range f.Channels {
		c, l := &f.Channels[i], &f.Inputs.Channels[i]
		fails := fmt.Sprintf("%.1f%%", 100*(l.Refused+l.Lost))
		if l.Attempts < Enough {
			fails += " assumed"
		}
		rate := "unlimited"
		if l.Rate > 0 {
			rate = strconv.FormatFloat(l.Rate, 'g', 4, 64)
		}
		row(t, c.Channel, count(float64(c.First)), count(c.Attempts.Expected), count(c.Attempts.Most), count(c.Reached.Expected), fails, rate)
	}
	_ = t.Flush()
}

// printedRegions is how many regions are shown, the largest ones; JSON has them all.
const printedRegions = 20

func printRegions(b *strings.Builder, f *Forecast) {
	regions, locales := map[string]map[string]int64{}, map[string]int64{}
	names := map[string]bool{}
	for _, c := range f.Audience.Cells {
		if regions[c.Region] == nil {
			regions[c.Region] = map[string]int64{}
		}
		regions[c.Region][c.Channel] += c.Count
		regions[c.Region][""] += c.Count
		locales[c.Locale] += c.Count
		names[c.Channel] = true
	}
	if len(regions) == 0 {
		return
	}
	b.WriteByte('\n')
	columns := slices.Sorted(maps.Keys(names))
	t := figures(b)
	row(t, "region", append(append([]string{}, columns...), "all")...)
	largest := slices.SortedFunc(maps.Keys(regions), func(x, y string) int {
		return cmp.Or(cmp.Compare(regions[y][""], regions[x][""]), strings.Compare(x, y))
	})
	for i, region := range largest {
		if i == printedRegions {
			break
		}
		cells := []string{}
		for _, c := range append(columns, "") {
			cells = append(cells, count(float64(regions[region][c])))
		}
		row(t, cmp.Or(region, "(not known)"), cells...)
	}
	_ = t.Flush()
	if more := len(largest) - printedRegions; more > 0 {
		fmt.Fprintf(b, "and %d regions more\n", more)
	}
	parts := []string{}
	for _, l := range slices.Sorted(maps.Keys(locales)) {
		parts = append(parts, fmt.Sprintf("%s %s", l, count(float64(locales[l]))))
	}
	fmt.Fprintf(b, "languages: %s\n", strings.Join(parts, ", "))
}

func printBounds(b *strings.Builder, f *Forecast) {
	if len(f.Bounds) > 0 {
		b.WriteString("\nbounds\n")
	}
	for i := range f.Bounds {
		fmt.Fprintf(b, "  %s\n", f.Bounds[i].String())
	}
}

// String says a bound and whether it holds, with its figures.
func (b *Bound) String() string {
	say := count
	if b.Name == FirstNotice || b.Name == LastWithin || b.Name == UsefulFor {
		say = Span
	}
	what := map[BoundName]string{
		FirstNotice: "first notice within %s of the start", LastWithin: "everybody is told within %s", UsefulFor: "the news is worth telling for %s",
		SegmentsBound: "at most %s SMS segments", BudgetBound: "%s SMS segments are left of the incident's budget",
	}[b.Name]
	text := fmt.Sprintf(what, say(b.Limit)) + ": " + say(b.Expected)
	if b.Worst != b.Expected {
		text += ", at worst " + say(b.Worst)
	}
	return text + map[Verdict]string{Holds: "  ✓", AtRisk: "  ⚠ at risk", Broken: "  ✗ doesn't hold"}[b.Verdict]
}

func printInputs(b *strings.Builder, f *Forecast) {
	var texts []string
	for _, x := range f.Inputs.Texts {
		if x.Units > 0 {
			texts = append(texts, fmt.Sprintf("%s %s %d", x.Kind, x.Locale, x.Units))
		}
	}
	if len(texts) > 0 {
		fmt.Fprintf(b, "\nsegments a message: %s\n", strings.Join(texts, ", "))
	}
	for _, a := range f.Inputs.Assumed {
		fmt.Fprintf(b, "assumed: %s\n", a)
	}
}

// figures is a table whose cells are aligned to the right.
func figures(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
}

// nameWidth is how wide a table's first column is at least.
const nameWidth = 24

func row(w io.Writer, name string, cells ...string) {
	_, _ = fmt.Fprintf(w, "%-*s\t%s\t\n", nameWidth, name, strings.Join(cells, "\t"))
}

// count writes a whole number with separators: 10,000.
func count(v float64) string {
	digits := strconv.FormatInt(int64(math.Round(v)), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		if digits[i-1] != '-' {
			digits = digits[:i] + "," + digits[i:]
		}
	}
	return digits
}

// Money writes an amount: 1,234.50 EUR.
func Money(v float64, currency string) string {
	cents := int64(math.Round(v * 100))
	return strings.TrimSpace(fmt.Sprintf("%s.%02d %s", count(float64(cents/100)), cents%100, currency))
}

// Span writes seconds as people say them: 4.2s, 12m 30s, 3h 5m, 2d 4h.
func Span(s float64) string {
	if s < 60 {
		return strconv.FormatFloat(math.Round(s*10)/10, 'f', -1, 64) + "s"
	}
	n := int64(math.Round(s))
	for _, u := range []struct {
		size        int64
		name, lower string
	}{{24 * 60 * 60, "d", "h"}, {60 * 60, "h", "m"}, {60, "m", "s"}} {
		if n < u.size {
			continue
		}
		part := map[string]int64{"h": 60 * 60, "m": 60, "s": 1}[u.lower]
		text := strconv.FormatInt(n/u.size, 10) + u.name
		if rest := n % u.size / part; rest > 0 {
			text += " " + strconv.FormatInt(rest, 10) + u.lower
		}
		return text
	}
	return "0s"
}
