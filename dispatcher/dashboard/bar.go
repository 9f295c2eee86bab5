package dashboard

import (
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// barWidth is the width of a whole bar, in the units of its drawing.
const barWidth = 1000.0

// bar shows how an update's audience is made up.
type bar struct {
	Parts []part
	// Reached and Audience are the two numbers that the bar is about; Open are without an outcome.
	Reached, Audience, Open int64
	// Percent is how much of the audience was reached, in whole percent, rounded down: 100 is all.
	Percent int64
	// Label says the same as the bar, for those who can't see it.
	Label string
}

// part is a stretch of a bar. Name is also its CSS class.
type part struct {
	Name     string
	Count    int64
	X, Width float64
}

func barOf(u *ledger.UpdateProgress) bar {
	b := bar{Reached: u.Count("*", notification.Reached.String()), Audience: u.Audience, Open: u.Open}
	if u.Audience == 0 {
		b.Label = "nobody in the audience"
		return b
	}
	b.Percent = b.Reached * 100 / u.Audience
	var said []string
	x := 0.0
	for _, p := range partsOf(u) {
		if p.Count == 0 {
			continue
		}
		p.X, p.Width = x, barWidth*float64(p.Count)/float64(u.Audience)
		x += p.Width
		b.Parts = append(b.Parts, p)
		said = append(said, number(p.Count)+" "+p.Name)
	}
	b.Label = fmt.Sprintf("%s of %s", strings.Join(said, ", "), number(u.Audience))
	return b
}

// partsOf lists what becomes of an audience, best first.
func partsOf(u *ledger.UpdateProgress) []part {
	var parts []part
	for _, o := range []notification.Outcome{notification.Reached, notification.Superseded, notification.Suppressed, notification.Unreachable} {
		parts = append(parts, part{Name: o.String(), Count: u.Count("*", o.String())})
	}
	return append(parts, part{Name: "open", Count: u.Open})
}
