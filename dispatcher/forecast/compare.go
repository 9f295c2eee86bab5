package forecast

import "math"

// Actual is what became of an update.
type Actual struct {
	Audience int64
	// Attempts and Reached are by channel.
	Attempts, Reached map[string]int64
	Segments          int64
	// LastReached is the time in seconds from when it was let go until the last recipient was reached.
	LastReached float64
	// Stopped is the number of those for whom it was overtaken by newer news, or stopped by an operator: what they
	// would have taken can't be missed.
	Stopped int64
}

// Comparison holds what happened against a forecast.
type Comparison struct {
	// Within says that every figure is.
	Within  bool     `json:"within"`
	Figures []Figure `json:"figures"`
	// Currency is that of the money.
	Currency string `json:"currency,omitempty"`
}

// Figure is one figure as forecast and as it came.
type Figure struct {
	Name FigureName `json:"name"`
	// Channel is whose figure it is; "" is that of all.
	Channel string `json:"channel,omitempty"`
	Range
	Actual float64 `json:"actual"`
	Within bool    `json:"within"`
}

// FigureName names a figure.
type FigureName string

// The figures that are compared.
const (
	FigureAudience FigureName = "audience"
	FigureReached  FigureName = "reached"
	FigureAttempts FigureName = "attempts"
	FigureSegments FigureName = "sms_segments"
	// FigureMoney is what the segments came to at the forecast's mean price.
	FigureMoney FigureName = "money"
	// FigureLast is the time until the last was reached, in seconds.
	FigureLast FigureName = "last_reached_seconds"
)

// drift is the share of a figure by which it may miss its range: the directory, and what older updates came to,
// move on between a forecast and the planning. One is always allowed.
const drift = 0.02

// Compare holds what happened against a forecast. A figure is within if it lies between Least and Most;
// where recipients were stopped, it may be less.
func Compare(f *Forecast, a Actual) Comparison {
	c := Comparison{Within: true, Currency: f.Inputs.Prices.Currency}
	add := func(name FigureName, channel string, r Range, actual, slack float64) {
		low := r.Least - slack
		if a.Stopped > 0 {
			low = 0
		}
		within := actual >= low && actual <= r.Most+slack
		c.Figures = append(c.Figures, Figure{name, channel, r, actual, within})
		c.Within = c.Within && within
	}
	count := func(name FigureName, channel string, r Range, actual int64) {
		add(name, channel, r, float64(actual), max(1, drift*r.Most))
	}
	everybody := float64(f.Audience.Recipients)
	count(FigureAudience, "", Range{everybody, everybody, everybody}, a.Audience)
	var reached int64
	for _, n := range a.Reached {
		reached += n
	}
	count(FigureReached, "", f.Reached, reached)
	for _, one := range f.Channels {
		count(FigureReached, one.Channel, one.Reached, a.Reached[one.Channel])
	}
	for _, one := range f.Channels {
		count(FigureAttempts, one.Channel, one.Attempts, a.Attempts[one.Channel])
	}
	if f.Segments.Most > 0 || a.Segments > 0 {
		count(FigureSegments, "", f.Segments, a.Segments)
	}
	if f.Money.Most > 0 {
		price := f.Money.Most / f.Segments.Most
		add(FigureMoney, "", f.Money, math.Round(float64(a.Segments)*price*100)/100, max(1, drift*f.Segments.Most)*price)
	}
	if a.LastReached > 0 {
		add(FigureLast, "", f.LastReached, a.LastReached, drift*f.LastReached.Most)
	}
	return c
}

// Missed lists the figures that are not within the forecast.
func (c *Comparison) Missed() []Figure {
	var all []Figure
	for i := range c.Figures {
		if !c.Figures[i].Within {
			all = append(all, c.Figures[i])
		}
	}
	return all
}
