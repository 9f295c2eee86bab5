// Package gateway sends SMS through any HTTP gateway that can be described: the request, how its answer
// reads, and how its receipts come. Every country has such gateways; few are alike, and most need no
// code of their own.
//
// The description is the adapter's configuration, see [Config]. It is checked when the adapter is made: an
// error names the key and what is wrong with it. Nothing is pasted: a placeholder ("{text}") is
// escaped for the place where it stands, a path, a query, a form field, a JSON string, an XML text.
//
// An answer is never guessed at. One that the description doesn't cover is of class Unknown, since
// the message may have gone out, unless its HTTP status itself says that it didn't (RFC 9110,
// section 15).
package gateway

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// Spec describes the adapter. What a gateway allows is not known here: limits are to be configured.
//
// Receipts may name the gateway's id only, so ids are remembered. Where a description has no
// receipts, a message's proof is its acceptance, and the cascade's step has to ask for no more.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "gateway",
		Title:        "Any HTTP gateway",
		Kind:         channels.SMS,
		Channel:      "sms",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:      channels.SilenceIsFailure,
		ReceiptsByID: true,
		Limits:       channels.Limits{PerSecond: 10, Concurrency: 16, Timeout: 15 * time.Second},
		Docs:         "https://pkg.go.dev/github.com/tocsin-dev/tocsin/channels/sms/gateway",
		Example:      example,
		New:          newSender,
	}
}

const example = `from: Bank
secrets:
  token: ${GATEWAY_TOKEN}
request:
  method: POST
  url: https://sms.example.com/v1/messages
  headers: {Authorization: "Bearer {token}"}
  # One of json, form, xml; or none, with everything in the query of url.
  # {number} is +37369123456, {digits} the same without plus; also {text}, {from}, {ref}, {callback},
  # {locale}, {validity}, {encoding}, and the names of secrets. "{validity:number}" is no string.
  json:
    messages:
      - {to: "{digits}", sender: "{from}", text: "{text}", reference: "{ref}", ttl: "{validity:number}"}
validity: {unit: seconds, most: 24h}
answer:
  id: {pointer: /messages/0/id}
  code: {pointer: /messages/0/status}
  accepted: [queued]
  errors:
    invalid_address: [unknown_number, blocked_number]
    rejected: [bad_text]
    auth: [no_credit]
    rate_limited: [throttled]
receipts:
  from: json
  list: /reports
  ref: /reference
  id: /id
  state: /state
  code: /error
  states: {accepted: [sent], delivered: [delivered], failed: [expired, undeliverable]}
  proof:
    hmac: {header: X-Signature, timestamp: X-Timestamp, secret: "${GATEWAY_SIGNING_KEY}"}
# What customers write (STOP), posted to <our public URL>/v1/receipts/sms/gateway.
replies:
  from: json
  list: /inbound
  address: /from
  text: /text
  without_plus: true
  proof:
    hmac: {header: X-Signature, timestamp: X-Timestamp, secret: "${GATEWAY_SIGNING_KEY}"}
`

type sender struct {
	api      *channels.API
	config   Config
	request  request
	answer   answer
	receipts *receipts // nil where none come
	replies  *replies  // nil where none come
}

var (
	_ channels.Sender         = (*sender)(nil)
	_ channels.CallbackParser = (*sender)(nil)
	_ channels.Measurer       = (*sender)(nil)
)

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	s := &sender{config: c}
	var err error
	if s.request, err = c.compileRequest(); err != nil {
		return nil, err
	}
	if s.answer, err = c.Answer.compile(); err != nil {
		return nil, err
	}
	if s.receipts, err = c.compileReceipts(&s.request); err != nil {
		return nil, err
	}
	if s.replies, err = c.compileReplies(); err != nil {
		return nil, err
	}
	s.api, err = channels.NewAPI(s.request.base, env)
	if err != nil {
		return nil, fmt.Errorf("request.url: want an absolute http or https URL")
	}
	return s, nil
}

// Send implements [channels.Sender].
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	if !isNumber(m.Address) {
		return channels.Ack{}, &channels.Error{Class: channels.InvalidAddress, Code: "number"}
	}
	r, err := s.request.render(s.values(m))
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	a, err := s.api.Call(ctx, s.request.method, r.path, r.header, r.body)
	if err != nil {
		return channels.Ack{}, err
	}
	return s.answer.read(a)
}

// isNumber reports whether an address is a number and nothing else: it is put into headers and paths.
func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// Units implements [channels.Measurer]: the segments of a text.
func (s *sender) Units(text string) int {
	n, _ := sms.Segments(text)
	return n
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
