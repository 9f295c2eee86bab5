package forecast

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Forecast is what is to be expected of an update. Its JSON form is what the ledger keeps: what it was made
// from is part of it, so that it can be understood later.
type Forecast struct {
	MadeAt   time.Time `json:"made_at"`
	Audience Audience  `json:"audience"`
	// Channels are the attempts and their outcome by channel, in order of name.
	Channels []Channel `json:"channels"`
	// Reached are the recipients reached in the end, accounts among them.
	Reached Range `json:"reached"`
	// Segments are the SMS segments that providers take.
	Segments Range `json:"sms_segments"`
	// Money is what they cost, in Inputs.Prices' currency; all 0 where no prices are known.
	Money Range `json:"money"`
	// LastSent is the time in seconds from when the update is let go until the last message has left,
	// LastReached until the last outcome is known: later by the time within which a message may still bounce.
	LastSent    Range `json:"last_sent_seconds"`
	LastReached Range `json:"last_reached_seconds"`
	// Worst is the case of those looked at that costs most; its Down is empty if there is no audience.
	Worst  Worst   `json:"worst"`
	Bounds []Bound `json:"bounds,omitempty"`
	Inputs Inputs  `json:"inputs"`
}

// Range is a figure: as is usual, and between what it stays in all cases that were looked at.
type Range struct {
	Least    float64 `json:"least"`
	Expected float64 `json:"expected"`
	Most     float64 `json:"most"`
}

// Audience says who is told, first on which channel.
type Audience struct {
	// Recipients is everybody in the audience, Accounts the public accounts among them.
	Recipients int64 `json:"recipients"`
	Accounts   int64 `json:"accounts"`
	// Cells count customers by the channel of their first step, their region and the language of their
	// text, in that order; Region is "" where it isn't known, and [SeveralRegions] or [OtherRegions].
	Cells []Cell `json:"cells,omitempty"`
	// Untold are those who can't be told, or are left in peace: settled at once.
	Untold []Untold `json:"untold,omitempty"`
	// Quiet is the number of those for whom quiet hours hold the message back, at the latest until QuietUntil.
	Quiet      int64     `json:"quiet,omitempty"`
	QuietUntil time.Time `json:"quiet_until,omitzero"`
}

// Cell counts customers.
type Cell struct {
	Channel string `json:"channel"`
	Region  string `json:"region"`
	Locale  string `json:"locale"`
	Count   int64  `json:"count"`
}

// Untold counts recipients who are settled at once.
type Untold struct {
	Outcome string              `json:"outcome"`
	Reason  notification.Reason `json:"reason"`
	Count   int64               `json:"count"`
}

// Channel is one channel's part.
type Channel struct {
	Channel string `json:"channel"`
	// First is the number of recipients whose first step it is.
	First int64 `json:"first"`
	// Attempts are steps on it, Reached those that reach somebody.
	Attempts Range `json:"attempts"`
	Reached  Range `json:"reached"`
}

// Worst is what happens if what costs most is down.
type Worst struct {
	// Down are the channels on which nothing arrives.
	Down        []string `json:"down,omitempty"`
	Reached     float64  `json:"reached"`
	Segments    float64  `json:"sms_segments"`
	Money       float64  `json:"money"`
	LastSent    float64  `json:"last_sent_seconds"`
	LastReached float64  `json:"last_reached_seconds"`
}

// Inputs are what a forecast was made from, beside the directory.
type Inputs struct {
	Channels []Lane `json:"channels"`
	Texts    []Text `json:"texts"`
	Prices   Prices `json:"prices,omitzero"`
	// MoveOn is how long at most an attempt waits for a channel that is down before its cascade goes on, in
	// seconds.
	MoveOn float64 `json:"move_on_seconds"`
	// TimeScale is how much faster than on the wall the product's time passes; 0 is as fast.
	TimeScale float64 `json:"time_scale,omitempty"`
	// Assumed says in words what is assumed and not known.
	Assumed []string `json:"assumed,omitempty"`
}

// Lane is what is known of a channel. Times are the product's.
type Lane struct {
	Channel string        `json:"channel"`
	Kind    channels.Kind `json:"kind"`
	// Rate is how many messages a second its providers take together; 0 is unlimited: then AtOnce, how many are
	// under way at a time, says how fast it is.
	Rate   float64 `json:"rate"`
	AtOnce int     `json:"at_once"`
	// Wait is how long a step waits for its proof, in seconds, unless the step says otherwise.
	Wait float64 `json:"wait_seconds"`
	// Presumed says that no receipts come: what has not bounced within Bounce seconds has arrived.
	Presumed bool    `json:"presumed,omitempty"`
	Bounce   float64 `json:"bounce_seconds,omitempty"`
	// Experience is what went wrong lately; the shares are assumed where Attempts is less than [Enough].
	Experience
	// Refused is the share of attempts that no provider takes, Lost that of those taken in vain.
	Refused float64 `json:"refused"`
	Lost    float64 `json:"lost"`
}

// Experience is what became of a channel's attempts lately.
type Experience struct {
	Attempts int64 `json:"attempts"`
	// NotTaken were taken by no provider, InVain taken and without success.
	NotTaken int64 `json:"not_taken"`
	InVain   int64 `json:"in_vain"`
}

// Text is what is known of a text.
type Text struct {
	Kind   channels.Kind `json:"kind"`
	Locale string        `json:"locale"`
	// Units are the billed units (SMS segments) of a message, 0 where there are none.
	Units int `json:"units"`
	// Length is that of the text in characters, placeholders with their defaults.
	Length int `json:"length"`
}

// Prices are what a billed unit costs, by the country of its number.
type Prices struct {
	Currency string `json:"currency,omitempty"`
	// Countries are by ISO 3166 code; Default is the price of all others.
	Countries map[string]float64 `json:"countries,omitempty"`
	Default   float64            `json:"default"`
}

// Known reports whether there are any prices.
func (p *Prices) Known() bool { return p.Default > 0 || len(p.Countries) > 0 }

// Of returns the price of a unit to a country.
func (p *Prices) Of(country string) float64 {
	if price, ok := p.Countries[country]; ok {
		return price
	}
	return p.Default
}

// Dearest returns the highest price in the table.
func (p *Prices) Dearest() float64 {
	most := p.Default
	for _, price := range p.Countries {
		most = max(most, price)
	}
	return most
}

// What is assumed of a channel of which too little is known, and what a bad day is.
const (
	// Enough attempts say what is usual.
	Enough = 100
	// AssumedRefused and AssumedLost are the usual shares where experience is missing.
	AssumedRefused = 0.02
	AssumedLost    = 0.02
	// BadRefused and BadLost are the least shares of a bad day.
	BadRefused = 0.15
	BadLost    = 0.05
	// assumedLatency is how long a message takes on a channel without a rate, on a bad day badLatency, in seconds.
	assumedLatency = 0.1
	badLatency     = 0.25
)

// Judge sets the shares from experience, or as assumed.
func (l *Lane) Judge() {
	l.Refused, l.Lost = AssumedRefused, AssumedLost
	if l.Attempts >= Enough {
		l.Refused = float64(l.NotTaken) / float64(l.Attempts)
		l.Lost = float64(l.InVain) / float64(l.Attempts)
	}
}
