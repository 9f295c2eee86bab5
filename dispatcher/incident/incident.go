// Package incident is what upstream services say: incidents and the updates about them. It holds
// values and rules, and does no I/O.
//
// An incident is one outage or one planned maintenance, known by its team and the id that the team
// gave it. An [Update] is one thing said about it: immutable, and the unit that is announced to
// customers. Updates arrive as CloudEvents ([Decode]) whose data follows the JSON Schema in
// update.schema.json, and are folded into their incident one by one ([Fold]).
//
// # Lifecycle
//
// What may follow what is one table, in lifecycle.go. Every status that has not ended may also be
// repeated, to say more. An outage:
//
//	first update: any but postmortem
//
//	┌──▶ investigating ⇄ identified ⇄ monitoring ──┐
//	│                                              ▼
//	└───────────── it came back ◀────────────── resolved ──▶ postmortem
//
// The first three may come in any order, and each may be resolved; what is resolved may be
// investigating or identified again. A maintenance:
//
//	first update: scheduled, or in_progress for work that could not be announced
//
//	scheduled ──▶ in_progress ⇄ verifying ──▶ completed ──▶ postmortem
//	    │             │                                        ▲
//	    └─────────────┴──────▶ cancelled ──────────────────────┘
//
// Steps forward may be left out. A correction may come at any time after the first update,
// goes to everybody who was told the wrong thing, and leaves the status as it was.
//
// # Merging
//
// An update may say that its incident turned out to be part of another one of the same team. From
// then on the incident follows its own lifecycle but announces nothing: the updates of the one that it
// was merged into go to its customers as well.
package incident

import (
	"slices"
	"time"
)

// EventType is the CloudEvents type of an update.
const EventType = "dev.tocsin.incident.update.v1"

// Kind is what sort of incident it is.
type Kind string

// The kinds of incident.
const (
	Outage      Kind = "outage"
	Maintenance Kind = "maintenance"
)

// Status is where an incident stands.
type Status string

// The statuses of an outage, in their usual order.
const (
	Investigating Status = "investigating" // something is wrong, the cause is not known
	Identified    Status = "identified"    // the cause is known, it is being repaired
	Monitoring    Status = "monitoring"    // repaired, being watched
	Resolved      Status = "resolved"      // over
	Postmortem    Status = "postmortem"    // apology, cause and compensation; also after a maintenance
)

// The statuses of a maintenance, in their usual order.
const (
	Scheduled  Status = "scheduled"   // told ahead
	InProgress Status = "in_progress" // begun; repeated when the plan changes
	Verifying  Status = "verifying"   // done, being checked
	Completed  Status = "completed"   // over
	Cancelled  Status = "cancelled"   // will not happen
)

// Correction says that an earlier update was wrong. It may come at any time and leaves the
// incident's status as it was.
const Correction Status = "correction"

// Known reports whether there is such a status.
func (s Status) Known() bool {
	return slices.Contains([]Status{
		Investigating, Identified, Monitoring, Resolved, Postmortem, Scheduled, InProgress, Verifying, Completed, Cancelled, Correction,
	}, s)
}

// Ends reports whether the status brings the incident to its end.
func (s Status) Ends() bool { return s == Resolved || s == Completed || s == Cancelled }

// Over reports whether an incident of this status has ended. An outage may still come back.
func (s Status) Over() bool { return s.Ends() || s == Postmortem }

// Impact is how much customers suffer from it.
type Impact string

// The impacts, least first.
const (
	Minor    Impact = "minor"
	Major    Impact = "major"
	Critical Impact = "critical"
)

// AtLeast reports whether customers suffer from impact i as much as from j, or more.
func (i Impact) AtLeast(j Impact) bool { return i.rank() >= j.rank() }

// Known reports whether it is one of the impacts.
func (i Impact) Known() bool { return i.rank() >= 0 }

func (i Impact) rank() int { return slices.Index([]Impact{Minor, Major, Critical}, i) }

// Text is a text in several languages, by BCP 47 tag.
type Text map[string]string

// In returns the text for a locale: its own, its language's, or "".
func (t Text) In(locale string) string {
	for tag := locale; tag != ""; tag = parent(tag) {
		if s := t[tag]; s != "" {
			return s
		}
	}
	return ""
}

func parent(tag string) string {
	for i := len(tag) - 1; i > 0; i-- {
		if tag[i] == '-' {
			return tag[:i]
		}
	}
	return ""
}

// Estimate is when it is expected to be over, and how sure that is.
type Estimate struct {
	At         time.Time `json:"at"`
	Confidence string    `json:"confidence"` // low, medium, high
}

// Audience says whom an update is for: everybody who uses one of the services, in one of the
// regions, and belongs to one of the segments, an empty list meaning all; or the customers listed.
type Audience struct {
	Services   []string `json:"services,omitempty"`
	Regions    []string `json:"regions,omitempty"`
	Segments   []string `json:"segments,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
}

// Automatic is what Tocsin says by itself.
type Automatic string

// What Tocsin says by itself.
const (
	// Holding says that there is nothing new yet, so that a promised update is not missing.
	Holding Automatic = "holding"
	// Reminder says again that a maintenance is coming.
	Reminder Automatic = "reminder"
)

// Update is one thing that a team says about an incident.
type Update struct {
	// From the CloudEvents envelope. Source and EventID together identify the update.
	Source  string    `json:"source"`
	EventID string    `json:"event_id"`
	Time    time.Time `json:"time"`
	// Sequence orders the updates of an incident where it is given; else Time does.
	Sequence string `json:"sequence,omitempty"`

	Data
}

// Silent reports whether the update says nothing to customers: it merges its incident into another,
// and has no summary.
func (u *Update) Silent() bool { return u.MergedInto != "" && len(u.Summary) == 0 }

// Data is the payload of an update's CloudEvent. Its JSON form is the published schema's.
type Data struct {
	Team     string `json:"team"`
	Incident string `json:"incident"`
	Kind     Kind   `json:"kind"`
	Status   Status `json:"status"`
	Impact   Impact `json:"impact"`
	// Affects says which services, where, and so who is told.
	Affects Audience `json:"affects"`
	// StartedAt is when the outage began, or when the maintenance begins.
	StartedAt time.Time `json:"started_at"`
	// EndsAt is the planned end of a maintenance.
	EndsAt *time.Time `json:"ends_at,omitempty"`
	// Estimate is when service is expected back.
	Estimate *Estimate `json:"estimate,omitempty"`
	// MissedEstimate is the earlier estimate that did not hold, to be apologised for.
	MissedEstimate *time.Time `json:"missed_estimate,omitempty"`
	// NextUpdateAt is the promise of the next update.
	NextUpdateAt *time.Time `json:"next_update_at,omitempty"`
	// ResolvedAt is when service came back.
	ResolvedAt *time.Time `json:"resolved_at,omitempty"`

	// Summary is what happened or will happen, in one or two sentences. Only an update that merges its
	// incident into another may have none.
	Summary      Text `json:"summary,omitempty"`
	Advice       Text `json:"advice,omitempty"`       // what to do meanwhile
	Cause        Text `json:"cause,omitempty"`        // why
	Compensation Text `json:"compensation,omitempty"` // how it is made good
	// Short is the summary for SMS and posts, where the whole one is too long.
	Short Text `json:"short,omitempty"`
	// Alternatives are what to do meanwhile in one region, by the region's id: said, after the advice,
	// to the customers of that region only.
	Alternatives map[string]Text `json:"alternatives,omitempty"`
	// Link is where to read on.
	Link string `json:"link,omitempty"`
	// Unaffected are ids of services that texts are to name as working.
	Unaffected []string `json:"unaffected,omitempty"`

	// Playbook names the playbook by which the update is told; "" chooses the one that fits best.
	Playbook string `json:"playbook,omitempty"`
	// Automatic says that Tocsin itself says this, and what it is; "" is a team's own update.
	Automatic Automatic `json:"automatic,omitempty"`
	// Compensate are ids of the playbook's compensation options that the customers who are told are
	// to have. Texts name them where Compensation is empty.
	Compensate []string `json:"compensate,omitempty"`

	// Follows is the event id of the update after which Tocsin said this: if anything was said since, it
	// is told to nobody. It goes with Automatic.
	Follows string `json:"follows,omitempty"`
	// Corrects is the event id of the update that a correction corrects; "" is all of the incident.
	Corrects string `json:"corrects,omitempty"`
	// MergedInto is the team's incident of which this one turned out to be a part.
	MergedInto string `json:"merged_into,omitempty"`
}
