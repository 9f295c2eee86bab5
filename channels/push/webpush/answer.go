package webpush

import (
	"errors"
	"net/http"

	"github.com/tocsin-dev/tocsin/channels"
)

// readAck reads a push service's answer. 201 is the one that RFC 8030 has (section 5); some services
// answer 200 or 202. The message's URL in Location is not kept: who knows it can take the message back.
func readAck(a channels.Answer) (channels.Ack, error) {
	switch a.Status {
	case http.StatusCreated, http.StatusOK, http.StatusAccepted:
		return channels.Ack{Proof: channels.Accepted}, nil
	}
	return channels.Ack{}, refusal(a)
}

// refusal classifies an answer that is no success:
//
//	400        the request is malformed; no other request to this service would be better
//	401        our token is refused (RFC 8292, section 4.2)
//	403        our key is not the one that the subscription was made with (likewise)
//	404, 410   the subscription is over (RFC 8030, sections 7.3 and 8.4)
//	413        the message is too large (section 7.2)
//	429        too many for this service (section 8.4), with Retry-After
//
// A 403 speaks of one subscription, so it is Rejected and the recipient's next channel has its turn: as
// Auth, one browser that subscribed with an old key would stop the channel for everybody, and as
// InvalidAddress, one mistake with our key would have every address forgotten.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	switch a.Status {
	case http.StatusForbidden:
		e.Class, e.Err = channels.Rejected, errors.New("the subscription was made with another key than vapid_private_key, or the service refuses ours")
	case http.StatusNotFound, http.StatusGone:
		e.Class = channels.InvalidAddress
	}
	return e
}
