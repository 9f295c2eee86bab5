package main

import (
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
)

// forecastLines say whether an update went as was forecast: a verdict with the figures that matter, and what is
// not within it, figure by figure.
func forecastLines(c *forecast.Comparison) []string {
	if c == nil {
		return nil
	}
	var parts []string
	for i := range c.Figures {
		if f := &c.Figures[i]; f.Channel == "" && f.Name != forecast.FigureAudience {
			parts = append(parts, figureAgainst(f, c.Currency))
		}
	}
	verdict := "within the forecast ✓"
	if !c.Within {
		verdict = "not within the forecast ✗"
	}
	lines := []string{verdict + ": " + strings.Join(parts, "; ")}
	for _, f := range c.Missed() {
		how := "more"
		if f.Actual < f.Least {
			how = "less"
		}
		lines = append(lines, fmt.Sprintf("  %s than forecast: %s", how, figureAgainst(&f, c.Currency)))
	}
	return lines
}

// figureAgainst is a figure with what was forecast: SMS segments 812 (expected 790, at most 14,020).
func figureAgainst(f *forecast.Figure, currency string) string {
	say := func(v float64) string { return thousands(int64(v)) }
	switch f.Name {
	case forecast.FigureMoney:
		say = func(v float64) string { return forecast.Money(v, currency) }
	case forecast.FigureLast:
		say = forecast.Span
	}
	name := map[forecast.FigureName]string{
		forecast.FigureAudience: "audience", forecast.FigureReached: "reached", forecast.FigureAttempts: "tried", forecast.FigureSegments: "SMS segments",
		forecast.FigureMoney: "money", forecast.FigureLast: "last reached after",
	}[f.Name]
	if f.Channel != "" {
		name += " by " + f.Channel
	}
	bound := "at most " + say(f.Most)
	if f.Name == forecast.FigureReached || f.Actual < f.Least {
		bound = "at least " + say(f.Least)
	}
	return fmt.Sprintf("%s %s (expected %s, %s)", name, say(f.Actual), say(f.Expected), bound)
}
