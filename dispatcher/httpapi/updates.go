package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// published is the answer to an update that was taken: it is stored, and will be recorded.
type published struct {
	Source   string `json:"source"`
	ID       string `json:"id"`
	Team     string `json:"team"`
	Incident string `json:"incident"`
}

// publish takes one update as a CloudEvent and answers when NATS has stored it. What happens to it
// then (a newer one may be there already) is seen in the incident.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, caller *Token) error {
	body, err := readBody(w, r, incident.MaxSize)
	if err != nil {
		return err
	}
	u, faults := incident.Decode(r.Header, body)
	if len(faults) > 0 {
		return s.refuse(r, caller, body, faults)
	}
	if !caller.mayActFor(u.Team) {
		return s.refuseForeign(r, caller, body, u.Team)
	}
	event, err := incident.Encode(u)
	if err != nil {
		return err
	}
	if err := s.Bus.PublishUpdate(r.Context(), u.Team, incident.ContentType, event); err != nil {
		return unavailable("the update was not stored", err)
	}
	return answer(w, http.StatusAccepted, published{Source: u.Source, ID: u.EventID, Team: u.Team, Incident: u.Incident})
}

// refuseForeign keeps an update of a team that the caller may not speak for, among the caller's own.
func (s *Server) refuseForeign(r *http.Request, caller *Token, body []byte, team string) error {
	fault := incident.Fault{Path: "data.team", Problem: fmt.Sprintf("must be %q: it was published with that team's token", caller.Team)}
	if err := s.keep(r, caller.Team, body, []incident.Fault{fault}); err != nil {
		return err
	}
	return &problem{
		status: http.StatusForbidden, message: fmt.Sprintf("token %q may not publish updates of team %q", caller.Name, team),
		hint: fmt.Sprintf("set data.team to %q, or use that team's token", caller.Team),
	}
}

// keep keeps an update that was refused.
func (s *Server) keep(r *http.Request, team string, body []byte, faults []incident.Fault) error {
	rejection := ledger.Rejection{Team: team, At: s.Clock.Now(), Faults: faults, Body: body}
	if err := s.Reject(r.Context(), rejection, eventHeader(r.Header)); err != nil {
		return unavailable("the update is wrong, and could not be kept", err)
	}
	return nil
}

// refuse keeps an update that can't be taken, and says everything that is wrong with it.
func (s *Server) refuse(r *http.Request, caller *Token, body []byte, faults []incident.Fault) error {
	team := caller.Team
	if team == "" {
		team = claimedTeam(body)
	}
	if err := s.keep(r, team, body, faults); err != nil {
		return err
	}
	return &problem{
		status: http.StatusUnprocessableEntity, message: "the update is not valid", faults: faults,
		hint: "its schema is at /v1/schemas/incident-update.json",
	}
}

// unknownTeam stands for the team of an update that names none.
const unknownTeam = "unknown"

var teamPattern = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// claimedTeam is the team that an update which is not valid says it is of, if it says so in a way
// that can be part of a subject.
func claimedTeam(body []byte) string {
	var event struct {
		Team string `json:"team"` // binary mode: the body is the data
		Data struct {
			Team string `json:"team"`
		} `json:"data"`
	}
	_ = json.Unmarshal(body, &event) // what can't be read names no team
	for _, team := range []string{event.Data.Team, event.Team} {
		if teamPattern.MatchString(team) {
			return team
		}
	}
	return unknownTeam
}

// eventHeader is the part of a request's header that belongs to the event: credentials are not.
func eventHeader(h http.Header) map[string][]string {
	event := map[string][]string{}
	for name, values := range h {
		if name == "Content-Type" || strings.HasPrefix(name, "Ce-") {
			event[name] = values
		}
	}
	return event
}

// readBody reads a request's body of up to limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &problem{
			status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("the body has more than %d bytes", limit),
			hint: "send less in one request",
		}
	}
	if err != nil {
		return nil, invalid("the body could not be read", "")
	}
	return body, nil
}
