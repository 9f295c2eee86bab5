package ledger

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// IncidentSummary is an incident with the progress of its updates, oldest first.
type IncidentSummary struct {
	incident.Incident
	ChangedAt time.Time `json:"changed_at"`
	// Paused says that an operator has paused all of it.
	Paused   bool             `json:"paused,omitempty"`
	Spending Spending         `json:"spending"`
	Progress []UpdateProgress `json:"progress"`
	// Clocks are what was promised in it, those that have stopped included, in order of when they are due.
	Clocks []promise.State `json:"clocks,omitempty"`
}

// UpdateProgress is how far an update is, from its running counts.
type UpdateProgress struct {
	ID         int64           `json:"id"`
	EventID    string          `json:"event_id"`
	Status     incident.Status `json:"status"`
	State      UpdateState     `json:"state"`
	Reason     string          `json:"reason,omitempty"`
	ReceivedAt time.Time       `json:"received_at"`
	ApprovedBy string          `json:"approved_by,omitempty"`
	// Approval is what is and was said of it while it is or was held; nil if it never was, or nothing was kept.
	Approval *ApprovalStanding `json:"approval,omitempty"`
	Paused   bool              `json:"paused,omitempty"`
	// Recalling says that an order to recall it is still being carried out: more of its messages will be asked
	// back than the counts say.
	Recalling bool `json:"recalling,omitempty"`
	// RetryOf is the update that this one tells again.
	RetryOf int64 `json:"retry_of,omitempty"`
	// Dropped says that what became of each recipient is not kept any more; the counts are.
	Dropped bool `json:"dropped,omitempty"`
	// Audience is the number of notifications so far, Open those without an outcome.
	Audience int64   `json:"audience"`
	Open     int64   `json:"open"`
	Tallies  []Tally `json:"tallies"`
}

// Stands sets Approval, if there is something to say.
func (u *UpdateProgress) Stands(rule playbook.Approval, said []ApprovalSaid) {
	if s := Standing(u.State, u.ReceivedAt, rule, said); u.State == Held || len(said) > 0 {
		u.Approval = &s
	}
}

// Count returns one of the update's counts, summed over all channels if channel is "*".
func (u *UpdateProgress) Count(channel, what string) int64 {
	var n int64
	for _, t := range u.Tallies {
		if t.What == what && (channel == "*" || t.Channel == channel) {
			n += t.Count
		}
	}
	return n
}

// Report is what became of an incident's updates: who was reached, how, how soon, and who was not.
type Report struct {
	Team     string          `json:"team"`
	Incident string          `json:"incident"`
	Kind     incident.Kind   `json:"kind"`
	Status   incident.Status `json:"status"`
	Impact   incident.Impact `json:"impact"`
	// StartedAt is when the outage began, FirstNoticeAt when the first message was taken by a
	// provider. FirstNotice is the time between; it is not given for a maintenance.
	StartedAt     time.Time      `json:"started_at"`
	FirstNoticeAt time.Time      `json:"first_notice_at,omitzero"`
	FirstNotice   Seconds        `json:"first_notice_seconds,omitempty"`
	Updates       []UpdateReport `json:"updates"`
	Spending      Spending       `json:"spending"`
	// Orders are what operators ordered, oldest first.
	Orders []OrderReport `json:"orders,omitempty"`
	// Balanced says whether every update's sums add up.
	Balanced bool `json:"balanced"`
	// TrailHead is the newest entry of the ledger's trail: kept with the report, it shows later that
	// nothing was cut off.
	TrailHead TrailHead `json:"trail_head"`
}

// Seconds is a span of time that is written in seconds.
type Seconds float64

// Duration returns the span as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// SecondsOf converts a duration.
func SecondsOf(d time.Duration) Seconds { return Seconds(d.Round(time.Millisecond).Seconds()) }

// UpdateReport is what became of one update, counted row by row.
type UpdateReport struct {
	UpdateProgress
	// Channels are the counts by channel, in order of name.
	Channels []ChannelReport `json:"channels"`
	Outcomes []OutcomeCount  `json:"outcomes"`
	// ReachedByFallback counts those reached by a later step than the first.
	ReachedByFallback int64 `json:"reached_by_fallback"`
	// Repeats counts attempts sent although a crash had left them in doubt: at most as many were sent twice.
	Repeats     int64 `json:"repeats"`
	DoubleReach int64 `json:"double_reach"`
	// Spans from the update's arrival until recipients were reached.
	P50 Seconds `json:"reached_p50_seconds"`
	P95 Seconds `json:"reached_p95_seconds"`
	Max Seconds `json:"reached_max_seconds"`
	// Segments are the SMS segments that providers took.
	Segments int64   `json:"sms_segments"`
	Balance  Balance `json:"balance"`
	// Forecast holds what happened against what was forecast, once the update is over; nil if it had no
	// forecast.
	Forecast *forecast.Comparison `json:"forecast,omitempty"`
}

// ChannelReport is one channel's part in an update.
type ChannelReport struct {
	Channel   string `json:"channel"`
	Planned   int64  `json:"planned"`  // notifications whose first step it was
	Attempts  int64  `json:"attempts"` // steps on this channel
	Accepted  int64  `json:"accepted"`
	Delivered int64  `json:"delivered"`
	Read      int64  `json:"read"`
	Failed    int64  `json:"failed"`
	Expired   int64  `json:"expired"`
	Unknown   int64  `json:"unknown"`
	Revoked   int64  `json:"revoked"`
	Returned  int64  `json:"returned"`
	Reached   int64  `json:"reached"`
	Fallback  int64  `json:"reached_by_fallback"`
	// Of messages that were asked back: how many in all, how many their provider could not take back, and
	// how many it did. Of the rest nothing has been heard yet.
	RecallAsked int64 `json:"recall_asked,omitempty"`
	RecallKept  int64 `json:"recall_kept,omitempty"`
	Recalled    int64 `json:"recalled,omitempty"`
}

// OutcomeCount counts notifications by how they ended.
type OutcomeCount struct {
	Outcome string         `json:"outcome"`
	Reason  string         `json:"reason,omitempty"`
	Channel string         `json:"channel,omitempty"`
	Proof   channels.Proof `json:"proof,omitempty"`
	Count   int64          `json:"count"`
}

// Balance is the sum that must come out: everybody in the audience has one outcome. It is counted
// over the rows and compared with the running counts.
type Balance struct {
	Audience    int64 `json:"audience"`
	Reached     int64 `json:"reached"`
	Unreachable int64 `json:"unreachable"`
	Suppressed  int64 `json:"suppressed"`
	Superseded  int64 `json:"superseded"`
	Open        int64 `json:"open"`
	// TalliesAgree says whether the running counts say the same as the rows.
	TalliesAgree bool `json:"tallies_agree"`
	OK           bool `json:"ok"`
}

// Settle decides whether the balance comes out: all settled, no more and no less than the audience.
func (b *Balance) Settle() {
	b.OK = b.TalliesAgree && b.Open == 0 && b.Audience == b.Reached+b.Unreachable+b.Suppressed+b.Superseded
}

// RecipientReport is what became of one notification, for the report's CSV.
type RecipientReport struct {
	Update    int64
	Recipient string
	Outcome   string
	Reason    string
	Channel   string
	Proof     string
	SettledAt time.Time
}
