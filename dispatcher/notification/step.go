package notification

import (
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Step is one step of a notification's cascade: a channel, and where it differs from how the channel
// is treated otherwise, how long it waits and what counts as reached.
type Step struct {
	Channel string
	// Wait is how long the step waits for its proof, from acceptance; 0 is the channel's own.
	Wait time.Duration
	// Proof is what counts as reached; NoProof is the channel's own.
	Proof channels.Proof
}

// String writes a step as the ledger keeps it: channel[@wait][!proof].
func (s Step) String() string { return FormatSteps([]Step{s}) }

func (s *Step) write(b *strings.Builder) {
	b.WriteString(s.Channel)
	if s.Wait != 0 {
		b.WriteByte('@')
		b.WriteString(s.Wait.String())
	}
	if s.Proof != channels.NoProof {
		b.WriteByte('!')
		b.WriteString(s.Proof.String())
	}
}

// FormatSteps writes a cascade on one line.
func FormatSteps(steps []Step) string {
	var b strings.Builder
	for i := range steps {
		if i > 0 {
			b.WriteByte(',')
		}
		steps[i].write(&b)
	}
	return b.String()
}

// ParseSteps reads what FormatSteps has written.
func ParseSteps(text string) ([]Step, error) {
	if text == "" {
		return nil, nil
	}
	steps := make([]Step, 0, strings.Count(text, ",")+1)
	for one := range strings.SplitSeq(text, ",") {
		s, err := parseStep(one)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func parseStep(text string) (Step, error) {
	rest, proof, hasProof := strings.Cut(text, "!")
	channel, wait, hasWait := strings.Cut(rest, "@")
	s := Step{Channel: channel}
	var err error
	if hasWait {
		s.Wait, err = time.ParseDuration(wait)
	}
	if hasProof && err == nil {
		err = s.Proof.UnmarshalText([]byte(proof))
	}
	if err != nil || channel == "" {
		return s, fmt.Errorf("step %q: want channel[@wait][!proof]: %w", text, err)
	}
	return s, nil
}

// Steps makes a cascade of channels that are treated as they are otherwise.
func Steps(names ...string) []Step {
	steps := make([]Step, len(names))
	for i, name := range names {
		steps[i] = Step{Channel: name}
	}
	return steps
}
