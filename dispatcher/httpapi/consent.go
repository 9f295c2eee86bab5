package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// consentBody is an operator's word on a customer's consent to a channel.
type consentBody struct {
	On  *bool  `json:"on"`
	By  string `json:"by"`
	Why string `json:"why"`
}

// setConsent withdraws a customer's consent to a channel or gives it, in the name of an operator who
// says why: the only word beside the customer's own that ends a withdrawal.
func (s *Server) setConsent(w http.ResponseWriter, r *http.Request, caller *Token) error {
	id, channel := r.PathValue("id"), r.PathValue("channel")
	body, err := readBody(w, r, 16<<10)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var b consentBody
	if err := d.Decode(&b); err != nil || b.On == nil {
		return invalid(`the body must be {"on": true or false, "by": "name", "why": "reason"}`, "")
	}
	b.By, b.Why = strings.TrimSpace(b.By), strings.TrimSpace(b.Why)
	if b.By == "" || b.Why == "" || !plainText(b.By, maxBy) || !plainText(b.Why, maxWhy) {
		return invalid("by and why must say who gives or withdraws the consent, and for what reason", "by up to 200 characters, why up to 1000, without line breaks")
	}
	if !s.Checker.Knows(channel) {
		return invalid("there is no such channel", "a channel is one of the configuration's, or of the known providers'")
	}
	c := ledger.Consent{Channel: channel, Recipient: id, On: *b.On, Source: audience.ByOperator, By: b.By, Why: b.Why, At: s.Clock.Now()}
	report, err := s.Ledger.SetConsent(r.Context(), c)
	if err != nil {
		return fromLedger(err, "customer")
	}
	s.Metrics.consent(&c, report.Changed)
	s.Log.InfoContext(r.Context(), "consent", "channel", c.Channel, "given", c.On, "source", string(c.Source), "by", caller.Name, "changed", report.Changed)
	return answer(w, http.StatusOK, report)
}

// SetConsent withdraws a customer's consent to a channel or gives it, in the name of an operator; of c it
// takes Recipient, Channel, On, By and Why.
func (c *Client) SetConsent(ctx context.Context, given ledger.Consent) (ledger.ConsentReport, error) {
	var r ledger.ConsentReport
	body, err := json.Marshal(consentBody{On: &given.On, By: given.By, Why: given.Why})
	if err != nil {
		return r, err
	}
	return r, c.call(ctx, http.MethodPost, customerPath(given.Recipient)+"/consents/"+given.Channel, "application/json", bytes.NewReader(body), &r)
}
