package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Client speaks to a server's API. It is safe for concurrent use. Requests last as long as their
// context: they have no other time limit.
//
// An answer that is no success is an *[Error].
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient makes a client of the server at a URL, with or without a last slash.
func NewClient(url, token string) *Client {
	return &Client{base: strings.TrimSuffix(url, "/"), token: token, http: &http.Client{}}
}

// Error is an answer that says what is wrong.
type Error struct {
	// Status is the HTTP status code.
	Status int
	// Message says what is wrong, and Hint what to do, if the server said so.
	Message, Hint string
	// Faults are what is wrong with an update.
	Faults []incident.Fault
}

func (e *Error) Error() string {
	text := fmt.Sprintf("server: %s (%d)", e.Message, e.Status)
	for _, f := range e.Faults {
		text += "; " + f.String()
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Is lets callers ask for ledger.ErrNotFound and ledger.ErrConflict, whichever way they read.
func (e *Error) Is(target error) bool {
	return e.Status == http.StatusNotFound && target == ledger.ErrNotFound ||
		e.Status == http.StatusConflict && target == ledger.ErrConflict
}

// Close closes connections that are kept.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Publish publishes one update, encoded as a CloudEvent in structured mode. An update that is not
// valid gives an *Error with Faults.
func (c *Client) Publish(ctx context.Context, event []byte) error {
	return c.call(ctx, http.MethodPost, "/v1/updates", incident.ContentType, bytes.NewReader(event), nil)
}

// Incidents lists up to limit incidents, those that changed last first; 0 is the server's default.
func (c *Client) Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error) {
	var all []ledger.IncidentSummary
	return all, c.get(ctx, "/v1/incidents"+limitQuery(limit), &all)
}

// Incident returns one incident.
func (c *Client) Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error) {
	var one ledger.IncidentSummary
	return one, c.get(ctx, incidentPath(team, id), &one)
}

// Report returns what became of an incident.
func (c *Client) Report(ctx context.Context, team, id string) (ledger.Report, error) {
	var r ledger.Report
	return r, c.get(ctx, incidentPath(team, id)+"/report", &r)
}

// ReportCSV writes one line a notification to w.
func (c *Client) ReportCSV(ctx context.Context, team, id string, w io.Writer) error {
	return c.copy(ctx, w, incidentPath(team, id)+"/report?format=csv")
}

// Rejections lists up to limit updates that were refused, newest first; 0 is the server's default.
func (c *Client) Rejections(ctx context.Context, limit int) ([]ledger.Rejection, error) {
	var seen []rejection
	if err := c.get(ctx, "/v1/rejections"+limitQuery(limit), &seen); err != nil {
		return nil, err
	}
	all := make([]ledger.Rejection, 0, len(seen))
	for _, one := range seen {
		all = append(all, one.whole())
	}
	return all, nil
}

// Customer returns one customer.
func (c *Client) Customer(ctx context.Context, id string) (audience.Recipient, error) {
	var r audience.Recipient
	return r, c.get(ctx, customerPath(id), &r)
}

// DeleteCustomer removes everything known of a customer but the id.
func (c *Client) DeleteCustomer(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, customerPath(id), "", nil, nil)
}

// CountCustomers counts the customers in the directory.
func (c *Client) CountCustomers(ctx context.Context) (int64, error) {
	var n countBody
	err := c.get(ctx, "/v1/customers/count", &n)
	return n.Customers, err
}

// Metrics writes the server's metrics to w, in Prometheus' text form.
func (c *Client) Metrics(ctx context.Context, w io.Writer) error { return c.copy(ctx, w, "/metrics") }

// Ready returns nil if the server and everything that it needs works.
func (c *Client) Ready(ctx context.Context) error {
	var body readyBody
	resp, err := c.do(ctx, http.MethodGet, "/readyz", "", nil)
	if err != nil {
		return err
	}
	defer closeBody(resp)
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return fmt.Errorf("server: /readyz: %w", err)
	}
	if !body.Ready {
		return &Error{Status: resp.StatusCode, Message: "not ready: " + strings.Join(body.Failing, "; ")}
	}
	return nil
}

func limitQuery(limit int) string {
	if limit <= 0 {
		return ""
	}
	return "?limit=" + strconv.Itoa(limit)
}

func incidentPath(team, id string) string {
	return "/v1/incidents/" + url.PathEscape(team) + "/" + url.PathEscape(id)
}

func customerPath(id string) string {
	return "/v1/customers/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2E") // "." and ".." are no paths
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.call(ctx, http.MethodGet, path, "", nil, into)
}

// call makes a request and reads its JSON answer, if into is not nil.
func (c *Client) call(ctx context.Context, method, path, contentType string, body io.Reader, into any) error {
	resp, err := c.request(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer closeBody(resp)
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("server: %s %s: answer: %w", method, path, err)
	}
	return nil
}

// copy writes an answer's body to w.
func (c *Client) copy(ctx context.Context, w io.Writer, path string) error {
	resp, err := c.request(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer closeBody(resp)
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("server: GET %s: %w", path, err)
	}
	return nil
}

// request makes a request and returns its answer if it is a success.
func (c *Client) request(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	resp, err := c.do(ctx, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer closeBody(resp)
		return nil, refusal(resp)
	}
	return resp, nil
}

func (c *Client) do(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err) // names method and URL; the token is in neither
	}
	return resp, nil
}

// closeBody reads what little is left of an answer, so that its connection can serve again.
func closeBody(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	_ = resp.Body.Close()
}

// refusal reads an answer that is no success; also one that is not ours, of a proxy for example.
func refusal(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, Message: http.StatusText(resp.StatusCode)}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var body problemBody
	if err == nil && json.Unmarshal(text, &body) == nil && body.Error != "" {
		e.Message, e.Hint, e.Faults = body.Error, body.Hint, body.Faults
	}
	return e
}
