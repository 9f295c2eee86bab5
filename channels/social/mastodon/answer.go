package mastodon

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// readAck reads the answer to a post.
func readAck(a channels.Answer) (channels.Ack, error) {
	id, err := readID(a)
	if err != nil {
		return channels.Ack{}, err
	}
	return channels.Ack{ID: id, Proof: channels.Delivered}, nil
}

// readID reads the id of the Status or Account that answers a request.
func readID(a channels.Answer) (string, error) {
	var entity struct {
		ID string `json:"id"`
	}
	if a.Status < 200 || a.Status > 299 {
		return "", refusal(a)
	}
	if err := json.Unmarshal(a.Body, &entity); err != nil || entity.ID == "" {
		return "", refusal(a)
	}
	return entity.ID, nil
}

// refusal classifies an answer that is no success.
//
// The status says nearly all (see [channels.Answer.Refusal]): 401 and 403 are about our token, 404,
// 410 and 422 about the post. Of the server errors 503 alone says that nothing was done; should an
// instance say so wrongly, the Idempotency-Key keeps a resend from being posted twice. Error texts
// stay out of ours, since an instance may quote the post in them.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	switch {
	case a.Status == http.StatusTooManyRequests && e.RetryAfter == 0:
		e.RetryAfter = untilReset(a)
	case a.Status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(string(a.Body)), "character limit"):
		e.Code += " too_long"
	}
	return e
}

// untilReset is how long a rate limit lasts, from X-RateLimit-Reset, a time in RFC 3339
// (https://docs.joinmastodon.org/api/rate-limits/). Where it names a time that is past there is
// nothing to wait for.
func untilReset(a channels.Answer) time.Duration {
	reset, err := time.Parse(time.RFC3339Nano, a.Header.Get("X-RateLimit-Reset"))
	if err != nil {
		return 0
	}
	return max(reset.Sub(a.Time()), 0)
}
