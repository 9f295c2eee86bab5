package channels

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// API is a provider's HTTP API as an adapter calls it. It is safe for concurrent use.
type API struct {
	base   string
	agent  string
	client *http.Client
}

// NewAPI returns the API at base, an absolute http or https URL; an error names the key base_url.
//
// It follows no redirects: one would turn a POST into a GET, and so lose the message, or carry a
// token to another host.
func NewAPI(base string, env Env) (*API, error) {
	u, err := url.Parse(base)
	plain := err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == ""
	if !plain || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New(`base_url: want an absolute URL without query, as in "https://api.example.com"`)
	}
	client := *env.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &API{base: strings.TrimRight(base, "/"), agent: env.UserAgent, client: &client}, nil
}

// Call makes one request and reads its answer whole. path is appended to the base URL. The header
// belongs to the call from then on. Its error is an *Error that doesn't name the URL, in which there
// may be a token; an answer of any status is none.
func (a *API) Call(ctx context.Context, method, path string, header http.Header, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, &Error{Class: Rejected, Code: "request", Err: errors.New("the request's URL can't be built")}
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("User-Agent", a.agent)
	status, answered, read, err := Exchange(a.client, req)
	return Answer{Status: status, Header: answered, Body: read}, err
}

// Answer is a provider's answer to a request, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Time is the provider's time of the answer, from its Date header, or ours where it gives none.
// Times in an answer are to be compared with it, so that a wrong clock on either side does no harm.
func (a Answer) Time() time.Time {
	if t, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

// Refusal classifies an answer by its status alone (RFC 9110, section 15), for answers whose body
// says nothing better. Its code is the status.
//
// 503 is the one server error that says that the request was not processed, so it is Unavailable.
// All others (500, 502, 504, …) may come after the message was taken, so they are Unknown, as is a
// success that the adapter could not read. A redirect means a wrong base URL: nothing went out.
func (a Answer) Refusal() *Error {
	e := &Error{Class: Rejected, Code: strconv.Itoa(a.Status)}
	switch s := a.Status; {
	case s < 300:
		e.Class, e.Code = Unknown, e.Code+" unreadable"
	case s < 400:
		e.Class = Unavailable
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		e.Class = Auth
	case s == http.StatusTooManyRequests:
		e.Class, e.RetryAfter = RateLimited, RetryAfter(a.Header, a.Time())
	case s == http.StatusServiceUnavailable:
		e.Class, e.RetryAfter = Unavailable, RetryAfter(a.Header, a.Time())
	case s == http.StatusRequestTimeout, s >= 500:
		e.Class = Unknown
	}
	return e
}
