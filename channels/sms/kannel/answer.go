package kannel

import (
	"net/http"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// readAck reads smsbox's answer to a message (table 7-16). "3: Queued for later delivery" says that
// no link takes messages now; Kannel has it, and sends it when one does.
func readAck(a channels.Answer) (channels.Ack, error) {
	body := string(a.Body)
	if a.Status == http.StatusAccepted && (strings.HasPrefix(body, "0:") || strings.HasPrefix(body, "3:")) {
		return channels.Ack{Proof: channels.Accepted}, nil
	}
	return channels.Ack{}, refused(a)
}

const codeNoReceiver = "no_receiver"

// refusals are smsbox's answers that say more than their status, by how they begin. The User Guide
// has "(varies)" for them; these are those of version 1.4.5.
//
// What the configuration lacks, here or at Kannel, is Auth: nothing goes out until somebody acts.
func refusals() []refusal {
	return []refusal{
		{http.StatusForbidden, "Authorization failed", "authorization", channels.Auth},
		{http.StatusForbidden, "Not routable", "not_routable", channels.Rejected},
		{http.StatusBadRequest, "Missing receiver", codeNoReceiver, channels.InvalidAddress},
		{http.StatusBadRequest, "Empty receiver", "empty_receiver", channels.InvalidAddress},
		{http.StatusBadRequest, "Number(s) has/have been denied", "denied_number", channels.InvalidAddress},
		{http.StatusBadRequest, "Sender missing", "no_sender", channels.Auth},
		{http.StatusBadRequest, "Invalid content-type", "content_type", channels.Auth},
		{http.StatusNotFound, "Unknown request", "unknown_path", channels.Auth},
		{http.StatusServiceUnavailable, "Temporal failure", "temporal_failure", channels.Unavailable},
	}
}

type refusal struct {
	status int
	begins string
	code   string
	class  channels.Class
}

// refused classifies an answer that is no acceptance: by its text where that is known, else by its
// status.
func refused(a channels.Answer) *channels.Error {
	e := a.Refusal()
	for _, r := range refusals() {
		if a.Status == r.status && strings.HasPrefix(string(a.Body), r.begins) {
			e.Class, e.Code = r.class, r.code
			return e
		}
	}
	return e
}
