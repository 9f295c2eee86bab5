package channels

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what is read of a provider's answer.
const maxAnswer = 1 << 20

// longestWait bounds what a provider may ask us to wait: a longer time is an error of its own, and
// an absurd one would overflow a Duration.
const longestWait = 24 * time.Hour

// Exchange sends req and reads the answer whole, so that the connection can be used again. An error
// is an *Error whose class says whether the request may have reached the provider; an answer of any
// status is no error.
func Exchange(client *http.Client, req *http.Request) (status int, header http.Header, body []byte, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, NetworkError(req.Context(), err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, nil, NetworkError(req.Context(), fmt.Errorf("reading the answer: %w", err))
	}
	return resp.StatusCode, resp.Header, body, nil
}

// NetworkError classifies a failure to talk to a provider: Unavailable where no connection could be
// made, or none to a server that proves who it is, so that nothing can have gone out; Unknown for
// everything later.
func NetworkError(ctx context.Context, err error) *Error {
	cause := withoutURL(err)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return &Error{Class: Unavailable, Code: "connect", Err: cause}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return &Error{Class: Unavailable, Code: "dns", Err: cause}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &Error{Class: Unavailable, Code: "certificate", Err: cause}
	}
	if timeout, ok := errors.AsType[net.Error](err); ctx.Err() != nil || (ok && timeout.Timeout()) {
		return &Error{Class: Unknown, Code: "timeout", Err: cause}
	}
	return &Error{Class: Unknown, Code: "connection_lost", Err: cause}
}

// withoutURL drops the URL that net/http puts into its errors: it may hold an account or a token.
func withoutURL(err error) error {
	type urlError interface {
		error
		Unwrap() error
		Timeout() bool
	}
	if e, ok := errors.AsType[urlError](err); ok && strings.Contains(e.Error(), "://") {
		return e.Unwrap()
	}
	return err
}

// RetryAfter reads a Retry-After header (RFC 9110, section 10.2.3): seconds or a date. It returns 0
// where there is none, or none that makes sense, and a day where it is longer than that.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return time.Duration(min(s, longestWait.Seconds()) * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return min(t.Sub(now), longestWait)
	}
	return 0
}
