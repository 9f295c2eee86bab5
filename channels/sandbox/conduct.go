package sandbox

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"time"
)

// Mode is a provider's overall state.
type Mode string

// The modes. Whatever the mode, the provider's protocol is spoken as in the original.
const (
	Working     Mode = "working"
	Hanging     Mode = "hanging"     // takes the request, never answers
	Unavailable Mode = "unavailable" // answers that it is out of order
	RateLimited Mode = "rate_limited"
	Mute        Mode = "mute" // takes everything, delivers nothing, reports nothing
)

// Duration is a time.Duration that reads and writes as "250ms" in JSON.
type Duration time.Duration

// MarshalJSON writes the duration as Go prints it.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads what time.ParseDuration reads.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration as text (\"250ms\"): %w", err)
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// Conduct says how a simulated provider treats messages. The zero value takes and delivers
// everything at once.
type Conduct struct {
	Mode Mode `json:"mode,omitempty"`
	// Clock is how far the provider's clock is ahead of ours, in the Date header of its answers.
	Clock Duration `json:"clock,omitempty"`
	// Latency is how long a request takes.
	Latency Duration `json:"latency,omitempty"`
	// ReceiptAfter is how long after acceptance a message is delivered and reported.
	ReceiptAfter Duration `json:"receipt_after,omitempty"`
	// LateBy is how much later a late receipt comes.
	LateBy Duration `json:"late_by,omitempty"`
	// Shares of addresses, 0 to 1, that meet a certain fate. An address keeps its fate.
	Refuse    float64 `json:"refuse,omitempty"`    // refused as unknown or blocked
	Lose      float64 `json:"lose,omitempty"`      // taken, never delivered, never reported
	Late      float64 `json:"late,omitempty"`      // delivered, reported late
	Duplicate float64 `json:"duplicate,omitempty"` // every receipt twice
	Reorder   float64 `json:"reorder,omitempty"`   // "delivered" before "sent"
	Read      float64 `json:"read,omitempty"`      // read soon after delivery, where reported
	// Shares of addresses with which, whatever else happens to their messages, word of it is lost.
	Unreported float64 `json:"unreported,omitempty"` // nothing is reported: only asking tells
	Unanswered float64 `json:"unanswered,omitempty"` // taken, and the connection ends before the answer
	Dropped    float64 `json:"dropped,omitempty"`    // the connection ends before it is taken
	// ByDigit lets the last digit of an address decide instead of the shares:
	// 9 refused, 8 lost, 7 late, 6 duplicated, 5 out of order, anything else delivered. Word of it is
	// lost by shares all the same.
	ByDigit bool `json:"by_digit,omitempty"`
}

// Fate is what happens to the messages for one address.
type Fate struct {
	Refused, Lost, Late, Duplicated, Reordered, Read bool
	// Unreported messages are never reported, Unanswered ones were taken without an answer, Dropped
	// ones were not taken, without an answer.
	Unreported, Unanswered, Dropped bool
}

var seed = maphash.MakeSeed()

// fate is stable for an address as long as the process lives.
func (c Conduct) fate(provider, address string) Fate {
	f := c.happens(provider, address)
	f.Unreported = c.Unreported > 0 && share(provider, address, "unreported") < c.Unreported
	f.Unanswered = c.Unanswered > 0 && share(provider, address, "unanswered") < c.Unanswered
	f.Dropped = c.Dropped > 0 && share(provider, address, "dropped") < c.Dropped
	return f
}

// share is where an address stands among all, 0 to 1, for one sort of fate.
func share(provider, address, sort string) float64 {
	return float64(hash(provider, address, sort)>>32) / float64(1<<32)
}

func hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, p := range parts {
		_, _ = h.WriteString(p)
	}
	return h.Sum64()
}

// happens says what happens to the messages themselves.
func (c Conduct) happens(provider, address string) Fate {
	if c.ByDigit {
		return digitFate(address)
	}
	sum := hash(provider, address)
	roll := float64(sum>>32) / float64(1<<32)
	f := Fate{Read: float64(sum&0xffff)/float64(1<<16) < c.Read}
	for _, s := range []struct {
		share float64
		fate  *bool
	}{{c.Refuse, &f.Refused}, {c.Lose, &f.Lost}, {c.Late, &f.Late}, {c.Duplicate, &f.Duplicated}, {c.Reorder, &f.Reordered}} {
		if roll < s.share {
			*s.fate = true
			break
		}
		roll -= s.share
	}
	f.Lost = f.Lost || c.Mode == Mute
	return f
}

func digitFate(address string) Fate {
	for i := len(address) - 1; i >= 0; i-- {
		switch address[i] {
		case '9':
			return Fate{Refused: true}
		case '8':
			return Fate{Lost: true}
		case '7':
			return Fate{Late: true}
		case '6':
			return Fate{Duplicated: true}
		case '5':
			return Fate{Reordered: true}
		case '0', '1', '2', '3', '4':
			return Fate{}
		}
	}
	return Fate{}
}

// Report is one thing that the provider will say of a message, and when.
type Report struct {
	// State is "sent", "delivered" or "read".
	State string
	// After is counted from acceptance.
	After time.Duration
}

// reports lists what is said of a message with fate f, in the order in which it is said.
func (c Conduct) reports(f Fate) []Report {
	after := time.Duration(c.ReceiptAfter)
	sent, delivered := Report{"sent", after / 2}, Report{"delivered", after}
	if f.Late {
		delivered.After += time.Duration(c.LateBy)
	}
	var rs []Report
	switch {
	case f.Refused:
		return nil
	case f.Lost:
		rs = []Report{sent}
		if c.Mode == Mute {
			return nil
		}
	case f.Reordered:
		sent.After = delivered.After + after/2 + time.Millisecond
		rs = []Report{delivered, sent}
	default:
		rs = []Report{sent, delivered}
	}
	if f.Read && !f.Lost {
		rs = append(rs, Report{"read", delivered.After + after + time.Millisecond})
	}
	if !f.Duplicated {
		return rs
	}
	var twice []Report
	for _, r := range rs {
		twice = append(twice, r, r)
	}
	return twice
}
