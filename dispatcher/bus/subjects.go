package bus

import (
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// IncidentSubject is where a team publishes its updates.
func IncidentSubject(team string) string { return "incidents." + team }

// TeamOf returns the team that a subject of INCIDENTS or REJECTED belongs to.
func TeamOf(subject string) string {
	_, team, _ := strings.Cut(subject, ".")
	return team
}

// ChannelOf returns the channel that a subject of SEND, RESULTS, RECEIPTS or INQUIRIES belongs to.
func ChannelOf(subject string) string {
	_, rest, _ := strings.Cut(subject, ".")
	channel, _, _ := strings.Cut(rest, ".")
	return channel
}

// ProviderOf returns the provider that a subject of RECEIPTS belongs to.
func ProviderOf(subject string) string {
	return subject[strings.LastIndexByte(subject, '.')+1:]
}

// RejectedSubject is where a team's refused updates go.
func RejectedSubject(team string) string { return "rejected." + team }

// OutcomesSubject is where it is told what becomes of an incident.
func OutcomesSubject(team, incident string) string { return "outcomes." + team + "." + incident }

// OutcomesOf covers what is told of a team's incidents.
func OutcomesOf(team string) string { return "outcomes." + team + ".*" }

// OrderSubject is where operators' orders of one verb go.
func OrderSubject(verb string) string { return "orders." + verb }

// SendSubject is the queue of a channel's lane for one priority.
func SendSubject(channel string, p notification.Priority) string {
	return "send." + channel + "." + string(p)
}

// ResultsSubject is the journal of one batch.
func ResultsSubject(channel string, batch int64) string {
	return "results." + channel + "." + strconv.FormatInt(batch, 10)
}

// ReceiptsSubject is where a provider's receipts go.
func ReceiptsSubject(channel, provider string) string { return "receipts." + channel + "." + provider }

// TeamInbox lists what a client that only publishes must be able to subscribe to: the inboxes for
// the answers to its own requests. Tocsin's own connections use another prefix, so that nobody who
// may read these sees what lanes are sent.
func TeamInbox() []string { return []string{"_INBOX.>"} }

const ownInbox = "_TOCSIN"
