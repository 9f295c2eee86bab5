package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// How long an order is waited for before the answer is that it will be carried out, in machine time.
const (
	orderWait = 5 * time.Second
	orderLook = 20 * time.Millisecond
)

// How long names and reasons may be, in characters.
const (
	maxBy  = 200
	maxWhy = 1000
)

// order takes an operator's order, puts it on NATS, and answers with what came of it: 200 with its
// report, 409 where it was refused, or 202 if it has not been carried out within some seconds. It will
// be then: look at /v1/orders/{id}.
func (s *Server) order(w http.ResponseWriter, r *http.Request, _ *Token) error {
	body, err := readBody(w, r, 16<<10)
	if err != nil {
		return err
	}
	o, err := s.readOrder(body)
	if err != nil {
		return err
	}
	message, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := s.Bus.PublishMessage(r.Context(), bus.OrderSubject(string(o.Verb)), nil, message); err != nil {
		return unavailable("the order was not stored", err)
	}
	report, err := s.awaitOrder(r.Context(), o.ID)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return answer(w, http.StatusAccepted, ledger.OrderReport{Order: o, Result: "stored, and not carried out yet"})
	case err != nil:
		return fromLedger(err, "order")
	case report.Refused:
		return &problem{status: http.StatusConflict, message: report.Result, hint: "nothing was changed; see the incident"}
	}
	return answer(w, http.StatusOK, report)
}

func (s *Server) readOrder(body []byte) (ledger.Order, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var o ledger.Order
	if err := d.Decode(&o); err != nil {
		return o, invalid("the body is not an order: "+err.Error(), "")
	}
	if o.ID == "" {
		o.ID = strings.ToLower(rand.Text())
	}
	o.By, o.Why, o.At = strings.TrimSpace(o.By), strings.TrimSpace(o.Why), s.Clock.Now()
	if err := o.Validate(); err != nil {
		return o, invalid(err.Error(), "")
	}
	if !plainText(o.By, maxBy) || !plainText(o.Why, maxWhy) {
		return o, invalid("by and why must be short and without line breaks", "by up to 200 characters, why up to 1000")
	}
	return o, nil
}

func plainText(s string, most int) bool {
	return utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, unicode.IsControl)
}

// awaitOrder waits until an order has been carried out; ledger.ErrNotFound if it takes too long.
func (s *Server) awaitOrder(ctx context.Context, id string) (ledger.OrderReport, error) {
	ctx, cancel := context.WithTimeout(ctx, orderWait)
	defer cancel()
	look := time.NewTicker(orderLook)
	defer look.Stop()
	for {
		r, err := s.Ledger.Order(ctx, id)
		if err == nil || !errors.Is(err, ledger.ErrNotFound) {
			return r, err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return r, ledger.ErrNotFound
		}
	}
}

// orderReport answers what came of an order.
func (s *Server) orderReport(w http.ResponseWriter, r *http.Request, _ *Token) error {
	report, err := s.Ledger.Order(r.Context(), r.PathValue("id"))
	if err != nil {
		return fromLedger(err, "order")
	}
	return answer(w, http.StatusOK, report)
}

// Order gives an order, in the name of somebody, and returns what came of it. DoneAt is zero if it was
// stored and has not been carried out yet.
func (c *Client) Order(ctx context.Context, o ledger.Order) (ledger.OrderReport, error) {
	var r ledger.OrderReport
	body, err := json.Marshal(o)
	if err != nil {
		return r, err
	}
	return r, c.call(ctx, http.MethodPost, "/v1/orders", "application/json", bytes.NewReader(body), &r)
}
