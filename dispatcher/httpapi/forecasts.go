package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Updates is what the API reads of the ledger about one update.
type Updates interface {
	Update(ctx context.Context, id int64) (ledger.Update, error)
	Texts(ctx context.Context, update int64) ([]ledger.Text, error)
	Forecast(ctx context.Context, update int64) ([]byte, error)
}

// Frozen is an update with the texts that were frozen with it.
type Frozen struct {
	ID     int64              `json:"id"`
	State  ledger.UpdateState `json:"state"`
	Update incident.Update    `json:"update"`
	Texts  []FrozenText       `json:"texts"`
}

// FrozenText is one of an update's texts.
type FrozenText struct {
	Kind   channels.Kind `json:"kind"`
	Locale string        `json:"locale"`
	Hash   string        `json:"hash"`
	// Units are the billed units (SMS segments), 0 where there are none.
	Units   int                  `json:"units,omitempty"`
	Content notification.Content `json:"content"`
}

// updateID reads the update's number off the path.
func updateID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, &problem{status: http.StatusNotFound, message: "there is no such update", hint: "an update's id is a number: see /v1/incidents"}
	}
	return id, nil
}

// texts answers with an update and exactly what it says.
func (s *Server) texts(w http.ResponseWriter, r *http.Request, _ *Token) error {
	id, err := updateID(r)
	if err != nil {
		return err
	}
	u, err := s.Ledger.Update(r.Context(), id)
	if err != nil {
		return fromLedger(err, "update")
	}
	texts, err := s.Ledger.Texts(r.Context(), id)
	if err != nil {
		return fromLedger(err, "update")
	}
	f := Frozen{ID: id, State: u.State, Update: u.Update, Texts: make([]FrozenText, len(texts))}
	for i := range texts {
		t := &texts[i]
		f.Texts[i] = FrozenText{t.Kind, t.Locale, t.Hash, t.Units, t.Content}
	}
	return answer(w, http.StatusOK, f)
}

// keptForecast answers with the forecast that was made of an update.
func (s *Server) keptForecast(w http.ResponseWriter, r *http.Request, _ *Token) error {
	id, err := updateID(r)
	if err != nil {
		return err
	}
	made, err := s.Ledger.Forecast(r.Context(), id)
	if err != nil {
		return fromLedger(err, "update")
	}
	if len(made) == 0 {
		return &problem{
			status: http.StatusNotFound, message: "the update has no forecast",
			hint: "one that is held, or planned, has it within moments; one that is told to nobody has none",
		}
	}
	return answer(w, http.StatusOK, json.RawMessage(made))
}

// draftForecast takes an update as publish does, and answers with what it would come to. Nothing is recorded,
// not even what is wrong with it. It reads the whole directory: one such request is served at a time, the others
// wait.
func (s *Server) draftForecast(w http.ResponseWriter, r *http.Request, caller *Token) error {
	body, err := readBody(w, r, incident.MaxSize)
	if err != nil {
		return err
	}
	u, faults := incident.Decode(r.Header, body)
	if len(faults) > 0 {
		return badDraft(faults)
	}
	if !caller.mayActFor(u.Team) {
		return &problem{
			status: http.StatusForbidden, message: "token " + strconv.Quote(caller.Name) + " may not speak for team " + strconv.Quote(u.Team),
			hint: "set data.team to " + strconv.Quote(caller.Team) + ", or use that team's token",
		}
	}
	select {
	case s.drafts <- struct{}{}:
		defer func() { <-s.drafts }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	made, err := s.Forecast(r.Context(), u)
	if bad, ok := errors.AsType[*incident.FaultError](err); ok {
		return badDraft(bad.Faults)
	}
	if err != nil {
		return fromLedger(err, "incident")
	}
	return answer(w, http.StatusOK, made)
}

func badDraft(faults []incident.Fault) error {
	return &problem{
		status: http.StatusUnprocessableEntity, message: "the update would not go out like this", faults: faults,
		hint: "its schema is at /v1/schemas/incident-update.json",
	}
}

// Texts returns an update with the texts that were frozen with it.
func (c *Client) Texts(ctx context.Context, update int64) (Frozen, error) {
	var f Frozen
	return f, c.get(ctx, "/v1/updates/"+strconv.FormatInt(update, 10)+"/texts", &f)
}

// Forecast returns the forecast that was made of an update.
func (c *Client) Forecast(ctx context.Context, update int64) (forecast.Forecast, error) {
	var f forecast.Forecast
	return f, c.get(ctx, "/v1/updates/"+strconv.FormatInt(update, 10)+"/forecast", &f)
}

// ForecastDraft makes the forecast of an update that is not published, encoded as a CloudEvent in structured
// mode. What is wrong with it is an *Error with Faults.
func (c *Client) ForecastDraft(ctx context.Context, event []byte) (forecast.Forecast, error) {
	var f forecast.Forecast
	return f, c.call(ctx, http.MethodPost, "/v1/forecasts", incident.ContentType, bytes.NewReader(event), &f)
}
