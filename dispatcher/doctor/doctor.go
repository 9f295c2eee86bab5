// Package doctor looks at an installation side by side, and says of each thing how it is, what is wrong and
// how to mend it. It knows how to run checks and how to judge clocks and domains; what there is to check is
// known to those who know the configuration.
package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Level says how bad a finding is, least first.
type Level uint8

// The levels.
const (
	// OK: it was looked at, and it is as it must be.
	OK Level = iota
	// Unchecked: it could not be looked at, or not from here. It says nothing either way.
	Unchecked
	// Warning: it works, and may not be meant, or may not work when it matters.
	Warning
	// Fault: somebody will not be told, or nothing will be heard of it.
	Fault
)

var levelNames = [...]string{"ok", "unchecked", "warning", "fault"}

func (l Level) String() string { return levelNames[l] }

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Finding is what one look came to.
type Finding struct {
	// Group is what it belongs to: a channel, or a part of the installation.
	Group string `json:"group"`
	// Subject is whose it is within the group, a provider, or "".
	Subject string `json:"subject,omitempty"`
	// About names what was looked at: "credentials", "clock".
	About string `json:"about"`
	Level Level  `json:"level"`
	// Text says how it is, Mend what to do about it ("" if there is nothing to do). Neither holds a
	// secret or a customer's address.
	Text string `json:"text"`
	Mend string `json:"mend,omitempty"`
}

// Check is one look at something. Checks don't depend on each other.
type Check struct {
	// Group, Subject and About are those of its findings that name none themselves.
	Group, Subject, About string
	// Look looks, at most until ctx ends. It may find several things, or none worth a line.
	Look func(ctx context.Context) []Finding
}

// Run makes all checks side by side, each at most for so long, and returns what they found in the checks'
// order. progress, if not nil, is called after each check, one call at a time.
func Run(ctx context.Context, checks []Check, timeout time.Duration, progress func(done, total int)) []Finding {
	found := make([][]Finding, len(checks))
	var mu sync.Mutex
	var all sync.WaitGroup
	done := 0
	for i := range checks {
		all.Go(func() {
			found[i] = checks[i].run(ctx, timeout)
			mu.Lock()
			defer mu.Unlock()
			if done++; progress != nil {
				progress(done, len(checks))
			}
		})
	}
	all.Wait()
	var list []Finding
	for _, f := range found {
		list = append(list, f...)
	}
	return list
}

func (c *Check) run(ctx context.Context, timeout time.Duration) []Finding {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found := c.Look(ctx)
	for i := range found {
		f := &found[i]
		if f.Group == "" {
			f.Group = c.Group
		}
		if f.Subject == "" {
			f.Subject = c.Subject
		}
		if f.About == "" {
			f.About = c.About
		}
	}
	return found
}

// Counts says how many findings there are of each level.
func Counts(all []Finding) map[Level]int {
	n := map[Level]int{}
	for i := range all {
		n[all[i].Level]++
	}
	return n
}

// Found makes the one finding of a check. The text is formatted with args; what to do is mend.
func Found(l Level, mend, format string, args ...any) []Finding {
	return []Finding{{Level: l, Text: fmt.Sprintf(format, args...), Mend: mend}}
}
