package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// QuietHours are hours of the recipients' days in which nothing is sent to them that can wait. Without
// a beginning and an end there are none.
type QuietHours struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
	// Unless is the impact from which on news is sent all the same.
	Unless incident.Impact `yaml:"unless"`
}

// FrequencyCap bounds how many messages a recipient gets within a while; 0 messages is no bound.
type FrequencyCap struct {
	Messages int           `yaml:"messages"`
	Per      time.Duration `yaml:"per"`
	// Unless is the impact from which on news is sent all the same.
	Unless incident.Impact `yaml:"unless"`
}

// quiet makes the rule of the quiet hours, nil where there are none.
func (c *Config) quiet() (*plan.Quiet, error) {
	if c.QuietHours.From == "" && c.QuietHours.To == "" {
		return nil, nil
	}
	return plan.NewQuiet(c.QuietHours.From, c.QuietHours.To, c.QuietHours.Unless, c.zone())
}

// daytime are the hours outside of which nobody is told what is never urgent: the quiet hours, or where
// there are none, these.
func (c *Config) daytime() QuietHours {
	if c.QuietHours.From == "" && c.QuietHours.To == "" {
		return QuietHours{From: "21:00", To: "08:00", Unless: c.QuietHours.Unless}
	}
	return c.QuietHours
}

// night makes the rule of the hours in which nobody is told what is never urgent.
func (c *Config) night() (*plan.Quiet, error) {
	h := c.daytime()
	return plan.NewQuiet(h.From, h.To, h.Unless, c.zone())
}

// day is the part of the organisation's day in which customers may be told what is not urgent. The hours
// have been checked.
func (c *Config) day() promise.Day {
	of := func(text string) time.Duration {
		at, err := time.Parse("15:04", text)
		if err != nil {
			return 0
		}
		return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	h := c.daytime()
	return promise.Day{Begins: of(h.To), Ends: of(h.From), Zone: c.zone()}
}

func (c *Config) zone() *time.Location {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return time.UTC // the zone's own fault, told under its own key
	}
	return zone
}

// frequencyCap makes the rule of the cap, nil where there is none.
func (c *Config) frequencyCap() (*plan.Cap, error) {
	f := c.FrequencyCap
	switch {
	case f.Messages < 0:
		return nil, errors.New("messages: must not be negative; 0 is no cap")
	case f.Messages == 0:
		return nil, nil
	case f.Per <= 0:
		return nil, errors.New("per: must be longer than 0")
	case !f.Unless.Known():
		return nil, fmt.Errorf("unless: %q must be minor, major or critical", f.Unless)
	}
	return &plan.Cap{Messages: f.Messages, Per: f.Per, Unless: f.Unless}, nil
}
