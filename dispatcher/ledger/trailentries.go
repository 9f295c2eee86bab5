package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Digest is the SHA-256 of what a store keeps, in hex.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// RejectionDigest is the hash by which a refused message is known again: that of its team and body.
func RejectionDigest(r *Rejection) string { return Digest(append([]byte(r.Team+"\x00"), r.Body...)) }

// FrozenText is a text as a store keeps it.
type FrozenText struct {
	Kind   channels.Kind
	Locale string
	// Content is a notification.Content as JSON; Hash its SHA-256 in hex.
	Content []byte
	Hash    string
	Units   int
}

// Digest says which text it is.
func (x *FrozenText) Digest() TextDigest { return TextDigest{x.Kind, x.Locale, x.Hash} }

// Digest says which text it is.
func (x *Text) Digest() TextDigest { return TextDigest{x.Kind, x.Locale, x.Hash} }

// Freeze makes of an update's texts what a store keeps.
func Freeze(texts []Text) ([]FrozenText, error) {
	all := make([]FrozenText, len(texts))
	for i, x := range texts {
		content, err := json.Marshal(x.Content)
		if err != nil {
			return nil, err
		}
		all[i] = FrozenText{Kind: x.Kind, Locale: x.Locale, Content: content, Hash: Digest(content), Units: x.Units}
	}
	return all, nil
}

// Thaw is the reverse of Freeze.
func Thaw(frozen []FrozenText) ([]Text, error) {
	all := make([]Text, len(frozen))
	for i, x := range frozen {
		all[i] = Text{Kind: x.Kind, Locale: x.Locale, Hash: x.Hash, Units: x.Units}
		if err := json.Unmarshal(x.Content, &all[i].Content); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// about is an entry about an update.
func about(kind TrailKind, id int64, u *incident.Update, at time.Time) TrailEntry {
	return TrailEntry{At: at, Kind: kind, Team: u.Team, Incident: u.Incident, Update: id, Event: u.EventID}
}

// RecordedEntries are the entries for an update that a store has just recorded under an id: that it
// came, what it says and on which terms, and if it is decided already, how. value and terms are the update
// and its terms as the store keeps them.
func RecordedEntries(id int64, n *NewUpdate, value, terms []byte, texts []FrozenText) []TrailEntry {
	came := about(TrailRecorded, id, &n.Update, n.ReceivedAt)
	came.Digest, came.Terms = Digest(value), Digest(terms)
	for i := range texts {
		came.Texts = append(came.Texts, texts[i].Digest())
	}
	SortDigests(came.Texts)
	switch n.State {
	case Approved:
		return []TrailEntry{came, ApprovedEntry(id, &n.Update, n.ApprovedBy, n.ReceivedAt)}
	case NotAnnounced:
		return []TrailEntry{came, NotAnnouncedEntry(id, &n.Update, n.Reason, n.ReceivedAt)}
	default:
		return []TrailEntry{came}
	}
}

// SortDigests brings digests into the order of entries: by kind and locale.
func SortDigests(all []TextDigest) {
	slices.SortFunc(all, func(a, b TextDigest) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Locale, b.Locale))
	})
}

// ApprovedEntry says that an update was let go.
func ApprovedEntry(id int64, u *incident.Update, by string, at time.Time) TrailEntry {
	e := about(TrailApproved, id, u, at)
	e.By = by
	return e
}

// NotAnnouncedEntry says that an update is told to nobody.
func NotAnnouncedEntry(id int64, u *incident.Update, why string, at time.Time) TrailEntry {
	e := about(TrailNotAnnounced, id, u, at)
	e.Why = why
	return e
}

// PlannedEntry says that an update's audience is frozen.
func PlannedEntry(id int64, u *incident.Update, audience int64, at time.Time) TrailEntry {
	e := about(TrailPlanned, id, u, at)
	e.Audience = &audience
	return e
}

// ClosedEntry says how an update's notifications ended, by its running counts.
func ClosedEntry(id int64, u *incident.Update, audience int64, tallies []Tally, at time.Time) TrailEntry {
	e := about(TrailClosed, id, u, at)
	e.Audience, e.Outcomes = &audience, EndedOf(tallies)
	return e
}

// EndedOf is how many notifications ended how, by an update's running counts.
func EndedOf(tallies []Tally) []TrailOutcome {
	var all []TrailOutcome
	for _, t := range tallies {
		if t.Count != 0 && slices.Contains(outcomes, t.What) {
			all = append(all, TrailOutcome{Outcome: t.What, Channel: t.Channel, Count: t.Count})
		}
	}
	SortOutcomes(all)
	return all
}

// outcomes are those in which a notification ends, by name.
var outcomes = []string{
	notification.Reached.String(), notification.Unreachable.String(), notification.Suppressed.String(), notification.Superseded.String(),
}

// SortOutcomes brings counts into the order of entries: by outcome and channel.
func SortOutcomes(all []TrailOutcome) {
	slices.SortFunc(all, func(a, b TrailOutcome) int {
		return cmp.Or(cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Channel, b.Channel))
	})
}

// RejectedEntry says that a message was refused.
func RejectedEntry(r *Rejection) TrailEntry {
	return TrailEntry{At: r.At, Kind: TrailRejected, Team: r.Team, Digest: RejectionDigest(r)}
}

// OrderEntry says what an operator did to an incident, or to one of its updates (0: to none in
// particular), and why. It goes into the transaction that carries the order out: as one of a Fold's
// Trail, or by the store's own append.
func OrderEntry(team, key string, update int64, order, by, why string, at time.Time) TrailEntry {
	return TrailEntry{At: at, Kind: TrailOrder, Team: team, Incident: key, Update: update, Order: order, By: by, Why: why}
}

// Entries are a carried out order's entries in the trail: one for each update that it has ended or recalled, else one.
func (r *OrderReport) Entries(updates []Target) []TrailEntry {
	entry := func(update int64) TrailEntry {
		return OrderEntry(r.Team, r.Incident, update, string(r.Verb)+": "+r.Result, r.By, r.Why, r.DoneAt)
	}
	if r.Verb != Cancel && r.Verb != Recall {
		return []TrailEntry{entry(r.Update)}
	}
	all := make([]TrailEntry, len(updates))
	for i := range updates {
		all[i] = entry(updates[i].ID)
	}
	return all
}
