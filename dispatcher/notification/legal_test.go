package notification

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// onFallback is a notification whose first step failed and whose second is under way.
func onFallback() Notification {
	return Notification{
		ID: 1, Steps: Steps("viber", "sms"),
		Past:    []Attempt{{Channel: "viber", State: Failed, Batch: 1}},
		Attempt: Attempt{Step: 1, Channel: "sms", State: Queued, Batch: 2},
	}
}

func reachedBySMS(n *Notification) {
	n.Attempt.State, n.Attempt.Took = Delivered, true
	n.Outcome, n.Proof, n.ReachedBy, n.SettledAt = Reached, channels.Delivered, "sms", time.Unix(1, 0)
}

func untried(n *Notification) {
	*n = Notification{ID: 1, Outcome: Suppressed, Reason: NoConsent, SettledAt: time.Unix(1, 0)}
}

func recall(r Recall) func(*Notification) {
	return func(n *Notification) { n.Attempt.Recall = r }
}

func TestIllegalities(t *testing.T) {
	for name, tt := range map[string]struct {
		change []func(*Notification)
		want   string // part of the one complaint; "" is none
	}{
		"under way":             {},
		"reached":               {change: []func(*Notification){reachedBySMS}},
		"not tried":             {change: []func(*Notification){untried}},
		"reached, then bounced": {change: []func(*Notification){reachedBySMS, func(n *Notification) { n.Attempt.State, n.Proof = Failed, channels.Accepted }}},
		"settled before it left": {change: []func(*Notification){reachedBySMS, func(n *Notification) {
			n.Past[0], n.ReachedBy, n.Attempt = Attempt{Channel: "viber", State: Delivered, Took: true, Batch: 1}, "viber", Attempt{Step: 1, Channel: "sms", State: Queued}
		}}},
		"no such outcome":        {change: []func(*Notification){func(n *Notification) { n.Outcome = 9 }}, want: "outcome 9"},
		"no such state":          {change: []func(*Notification){func(n *Notification) { n.Attempt.State = 99 }}, want: "open with its current attempt state 99"},
		"open but failed":        {change: []func(*Notification){func(n *Notification) { n.Attempt.State = Failed }}, want: "open with its current attempt failed"},
		"open but settled":       {change: []func(*Notification){func(n *Notification) { n.SettledAt = time.Unix(1, 0) }}, want: "open with settled: true"},
		"open with a reason":     {change: []func(*Notification){func(n *Notification) { n.Reason = Silence }}, want: `open for reason "silence"`},
		"open with a proof":      {change: []func(*Notification){func(n *Notification) { n.Proof = channels.Read }}, want: "open with proof"},
		"never settled":          {change: []func(*Notification){reachedBySMS, func(n *Notification) { n.SettledAt = time.Time{} }}, want: "reached with settled: false"},
		"reached by nobody":      {change: []func(*Notification){reachedBySMS, func(n *Notification) { n.ReachedBy = "email" }}, want: `reached by "email"`},
		"reached without proof":  {change: []func(*Notification){reachedBySMS, func(n *Notification) { n.Proof = 0 }}, want: "reached with proof"},
		"reached beyond proof":   {change: []func(*Notification){reachedBySMS, func(n *Notification) { n.Proof = channels.Read }}, want: `reached by "sms"`},
		"suppressed for nothing": {change: []func(*Notification){untried, func(n *Notification) { n.Reason = "" }}, want: `suppressed for reason ""`},
		"untried and tried":      {change: []func(*Notification){untried, func(n *Notification) { n.Attempt.Try = 1 }}, want: "nothing was tried, yet"},
		"superseded, not stale": {
			change: []func(*Notification){reachedBySMS, func(n *Notification) {
				n.Outcome, n.Reason, n.Proof, n.ReachedBy = Superseded, NewerUpdate, 0, ""
			}}, want: "superseded with mark 0",
		},
		"beyond its cascade":   {change: []func(*Notification){func(n *Notification) { n.Steps = n.Steps[:1] }}, want: "on step 1 of [viber]"},
		"a step is missing":    {change: []func(*Notification){func(n *Notification) { n.Past = nil }}, want: "on step 1 with 0 attempts before"},
		"a step is another":    {change: []func(*Notification){func(n *Notification) { n.Past[0].Channel = "email" }}, want: `attempt 0 is step 0 on "email"`},
		"left while queued":    {change: []func(*Notification){func(n *Notification) { n.Past[0].State = Queued }}, want: "step 0 was left while queued"},
		"arrived, never taken": {change: []func(*Notification){reachedBySMS, func(n *Notification) { n.Past[0].State = Read }}, want: "step 0 is read, but no provider took it"},
		"taken back":           {change: []func(*Notification){reachedBySMS, recall(Recalled)}},
		"kept":                 {change: []func(*Notification){reachedBySMS, recall(RecallKept)}},
		"wanted, never taken":  {change: []func(*Notification){recall(RecallWanted)}},
		"asked, never taken":   {change: []func(*Notification){recall(RecallAsked)}, want: "step 1 is queued, with its recall recall_asked"},
		"recalled, not taken":  {change: []func(*Notification){func(n *Notification) { n.Past[0].Recall = Recalled }}, want: "step 0 is failed, with its recall recalled"},
		"no such recall":       {change: []func(*Notification){reachedBySMS, recall(Recalled + 1)}, want: "step 1 is delivered, with its recall recall 5"},
		"queued in no batch":   {change: []func(*Notification){func(n *Notification) { n.Attempt.Batch = 0 }}, want: "step 1 is queued, but in no batch"},
	} {
		t.Run(name, func(t *testing.T) {
			n := onFallback()
			for _, f := range tt.change {
				f(&n)
			}
			got := Illegalities(&n)
			if tt.want == "" && len(got) > 0 {
				t.Errorf("complains of %v", got)
			}
			if tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].Is, tt.want)) {
				t.Errorf("complains of %v, want %q alone", got, tt.want)
			}
		})
	}
}

// TestFormsKeepWithTheTable: what an outcome allows an attempt to be, the transition table lets it stay
// within, but for what can only happen while the notification is open.
func TestFormsKeepWithTheTable(t *testing.T) {
	whileOpen := []EventKind{SilencePassed, BouncePassed, QueuePassed, Moved, Supersession, Cancellation, Withdrawal}
	for o := Reached; o <= Superseded; o++ {
		form, _ := FormOf(o)
		for _, s := range form.Current {
			for _, k := range EventKinds() {
				if to := Next(s, k).To; !slices.Contains(whileOpen, k) && !slices.Contains(form.Current, to) {
					t.Errorf("%v allows an attempt to be %v, but not what %v makes of it: %v", o, s, k, to)
				}
			}
		}
	}
	for _, s := range PastStates() {
		for k := ResultAccepted; k <= ReceiptFailed; k++ {
			if to := Next(s, k).To; !slices.Contains(PastStates(), to) {
				t.Errorf("a past attempt may be %v, but not what %v makes of it: %v", s, k, to)
			}
		}
	}
}

func TestReachableFrom(t *testing.T) {
	for _, tt := range []struct {
		from State
		want []State
	}{
		{Read, []State{Read}},
		{Delivered, []State{Delivered, Read}},
		{Failed, []State{Failed, Delivered, Read}},
		{Expired, []State{Expired, Delivered, Read, Failed}},
	} {
		got := ReachableFrom(tt.from)
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("from %v: %v, want %v", tt.from, got, tt.want)
		}
	}
}
