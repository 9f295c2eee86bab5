package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// UpdateView is an update as whoever approves it must see it.
type UpdateView struct {
	ID         int64              `json:"id"`
	Team       string             `json:"team"`
	Incident   string             `json:"incident"`
	Event      string             `json:"event_id"`
	Kind       incident.Kind      `json:"kind"`
	Status     incident.Status    `json:"status"`
	Impact     incident.Impact    `json:"impact"`
	Affects    incident.Audience  `json:"affects"`
	State      ledger.UpdateState `json:"state"`
	Reason     string             `json:"reason,omitempty"`
	ReceivedAt time.Time          `json:"received_at"`
	ApprovedAt time.Time          `json:"approved_at,omitzero"`
	ApprovedBy string             `json:"approved_by,omitempty"`
	// Playbook is the one that it was taken in by; "" if none.
	Playbook string `json:"playbook,omitempty"`
	// Update is what upstream said.
	Update incident.Update `json:"update"`
	// Texts are what it says, as they are frozen; Forecast what is expected of it, null until it is made.
	Texts    []TextView      `json:"texts"`
	Forecast json.RawMessage `json:"forecast,omitempty"`
	// Seen names exactly these texts and this forecast: whoever approves gives it back.
	Seen     string                  `json:"seen"`
	Approval ledger.ApprovalStanding `json:"approval"`
	// Approvers are the people who may approve it, with accounts of their own.
	Approvers []string `json:"approvers,omitempty"`
	You       Caller   `json:"you"`
	// AsOf is the product's time at which all this was so.
	AsOf time.Time `json:"as_of"`
}

// TextView is one frozen text.
type TextView struct {
	Kind   channels.Kind `json:"kind"`
	Locale string        `json:"locale"`
	Hash   string        `json:"hash"`
	// Units are the SMS segments, 0 where there are none.
	Units   int                  `json:"units,omitempty"`
	Content notification.Content `json:"content"`
}

// Caller is whose token asked.
type Caller struct {
	Account string `json:"account"`
	Person  string `json:"person,omitempty"`
	// Approves says that it may approve this update.
	Approves bool `json:"approves,omitempty"`
}

// update answers what there is to see of an update.
func (s *Server) update(w http.ResponseWriter, r *http.Request, caller *Token) error {
	u, err := s.updateAsked(r)
	if err != nil {
		return err
	}
	d := &u.Update
	v := UpdateView{
		ID: u.ID, Team: d.Team, Incident: d.Incident, Event: d.EventID, Kind: d.Kind, Status: d.Status, Impact: d.Impact, Affects: d.Affects,
		State: u.State, Reason: u.Reason, ReceivedAt: u.ReceivedAt, ApprovedAt: u.ApprovedAt, ApprovedBy: u.ApprovedBy, Playbook: u.Terms.Playbook,
		Update: *d, Approvers: s.approvers(d.Team), AsOf: s.Clock.Now(),
		You: Caller{caller.Name, caller.Person, caller.mayApprove() && caller.mayActFor(d.Team)},
	}
	if err := s.show(r.Context(), &v, &u); err != nil {
		return fromLedger(err, "update")
	}
	return answer(w, http.StatusOK, v)
}

// show puts in what an approver sees, and what has been said of it.
func (s *Server) show(ctx context.Context, v *UpdateView, u *ledger.Update) error {
	texts, err := s.Ledger.Texts(ctx, u.ID)
	if err != nil {
		return err
	}
	forecast, err := s.Ledger.Forecast(ctx, u.ID)
	if err != nil {
		return err
	}
	said, err := s.Ledger.Approvals(ctx, u.ID)
	if err != nil {
		return err
	}
	digests := make([]ledger.TextDigest, len(texts))
	v.Texts = make([]TextView, len(texts))
	for i := range texts {
		t := &texts[i]
		digests[i] = t.Digest()
		v.Texts[i] = TextView{Kind: t.Kind, Locale: t.Locale, Hash: t.Hash, Units: t.Units, Content: t.Content}
	}
	if len(forecast) > 0 {
		v.Forecast = forecast
	}
	v.Seen = ledger.Seen(digests, forecast)
	v.Approval = ledger.Standing(u.State, u.ReceivedAt, u.Terms.Approval, said)
	return nil
}

// Update returns what there is to see of an update.
func (c *Client) Update(ctx context.Context, id int64) (UpdateView, error) {
	var v UpdateView
	return v, c.get(ctx, updatePath(id), &v)
}
