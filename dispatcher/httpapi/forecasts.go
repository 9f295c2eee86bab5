package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// keptForecast answers with the forecast that was made of an update.
func (s *Server) keptForecast(w http.ResponseWriter, r *http.Request, _ *Token) error {
	u, err := s.updateAsked(r)
	if err != nil {
		return err
	}
	made, err := s.Ledger.Forecast(r.Context(), u.ID)
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
	if s.Forecast == nil {
		return &problem{
			status: http.StatusNotImplemented, message: "this server writes no texts, so it can't forecast",
			hint: "ask one that has the role dispatcher beside http",
		}
	}
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

// Forecast returns the forecast that was made of an update.
func (c *Client) Forecast(ctx context.Context, update int64) (forecast.Forecast, error) {
	var f forecast.Forecast
	return f, c.get(ctx, updatePath(update)+"/forecast", &f)
}

// ForecastDraft makes the forecast of an update that is not published, encoded as a CloudEvent in structured
// mode. What is wrong with it is an *Error with Faults.
func (c *Client) ForecastDraft(ctx context.Context, event []byte) (forecast.Forecast, error) {
	var f forecast.Forecast
	return f, c.call(ctx, http.MethodPost, "/v1/forecasts", incident.ContentType, bytes.NewReader(event), &f)
}
