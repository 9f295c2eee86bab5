package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// A call of a webhook may carry a challenge, which a server of the same installation answers: so it can be
// seen from outside that the public URL leads here, through whatever stands before. Nothing is stored or
// counted of such a call; beside the answer it gets what any other call would get.
const (
	challengeHeader = "Tocsin-Challenge"
	answerHeader    = "Tocsin-Answer"
	maxChallenge    = 64 // characters
)

// challenged answers a call's challenge, if it carries one.
func (s *Server) challenged(w http.ResponseWriter, r *http.Request) bool {
	c := r.Header.Get(challengeHeader)
	if c == "" || len(c) > maxChallenge {
		return false
	}
	w.Header().Set(answerHeader, s.Signer.Answer(c))
	return true
}

// Errors of Challenge.
var (
	// ErrNotUs: something answered at the URL, and it is no server of this installation.
	ErrNotUs = errors.New("what answers there is no server of this installation")
	// ErrUnsignedTaken: the webhook takes calls that nobody signed.
	ErrUnsignedTaken = errors.New("it takes calls that are not signed")
)

// Challenge calls a webhook's URL, unsigned and without a body, as somebody outside would, and returns the
// status of the answer, 0 if none came. The error is nil if a server of the installation whose key the
// signer has answered, and refused the call for want of a signature.
func Challenge(ctx context.Context, client *http.Client, webhook string, signer *notification.Signer) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, http.NoBody)
	if err != nil {
		return 0, err
	}
	c := rand.Text()
	req.Header.Set(challengeHeader, c)
	resp, err := client.Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	switch answer := resp.Header.Get(answerHeader); {
	case subtle.ConstantTimeCompare([]byte(answer), []byte(signer.Answer(c))) != 1:
		return resp.StatusCode, ErrNotUs
	case resp.StatusCode < http.StatusMultipleChoices:
		return resp.StatusCode, ErrUnsignedTaken
	}
	return resp.StatusCode, nil
}

// withoutURL leaves the URL out of an error of net/http: whoever asked knows it.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
