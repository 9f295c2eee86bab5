package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Approvals is what the API does with updates that wait for approval.
type Approvals interface {
	Update(ctx context.Context, id int64) (ledger.Update, error)
	Texts(ctx context.Context, update int64) ([]ledger.Text, error)
	Forecast(ctx context.Context, update int64) ([]byte, error)
	Approvals(ctx context.Context, update int64) ([]ledger.ApprovalSaid, error)
	HeldUpdates(ctx context.Context) ([]ledger.HeldUpdate, error)
	Approve(ctx context.Context, update int64, a ledger.Approval) (ledger.ApprovalReport, error)
	Refuse(ctx context.Context, update int64, a ledger.Approval) (ledger.ApprovalReport, error)
}

// Word is what somebody says of a held update, to approve or to refuse it.
type Word struct {
	// By is who says so: for tokens that are nobody's in particular, and then required.
	By string `json:"by,omitempty"`
	// Seen is the update's own, of what was looked at; required to approve.
	Seen string `json:"seen,omitempty"`
	// Why is required to break the glass, and to refuse.
	Why string `json:"why,omitempty"`
	// BreakGlass lets the update go at once, whatever its rule asks for.
	BreakGlass bool `json:"break_glass,omitempty"`
}

// approve keeps the caller's approval of a held update, and lets it go if that was the last one needed.
func (s *Server) approve(w http.ResponseWriter, r *http.Request, caller *Token) error {
	return s.word(w, r, caller, s.Ledger.Approve, func(said *Word) error {
		switch {
		case said.Seen == "":
			return invalid("seen must say what you have seen", "take it from GET /v1/updates/"+r.PathValue("id")+", after reading the texts there")
		case said.BreakGlass && said.Why == "":
			return invalid("why must say for what reason the glass is broken", "")
		}
		return nil
	})
}

// refuseUpdate keeps the caller's word that a held update must not go out: it is told to nobody.
func (s *Server) refuseUpdate(w http.ResponseWriter, r *http.Request, caller *Token) error {
	return s.word(w, r, caller, s.Ledger.Refuse, func(said *Word) error {
		switch {
		case said.BreakGlass:
			return invalid("break_glass lets an update go; this refuses it", "leave it out")
		case said.Why == "":
			return invalid("why must say for what reason it is refused", "whoever published it has to put it right")
		}
		return nil
	})
}

// word takes what a caller says of a held update.
func (s *Server) word(w http.ResponseWriter, r *http.Request, caller *Token,
	say func(context.Context, int64, ledger.Approval) (ledger.ApprovalReport, error), check func(*Word) error,
) error {
	u, err := s.updateAsked(r)
	if err != nil {
		return err
	}
	if !caller.mayActFor(u.Update.Team) {
		return mayNot(caller, "it is for updates of team "+strconv.Quote(caller.Team))
	}
	said, err := readWord(w, r)
	if err != nil {
		return err
	}
	a := ledger.Approval{Seen: said.Seen, Why: said.Why, BreakGlass: said.BreakGlass, At: s.Clock.Now()}
	if a.By, a.Account, err = identity(caller, said.By); err != nil {
		return err
	}
	if err := check(&said); err != nil {
		return err
	}
	report, err := say(r.Context(), u.ID, a)
	if err != nil {
		return notTaken(err, caller, u)
	}
	s.said(r.Context(), &u, &report)
	return answer(w, http.StatusOK, report)
}

// said tells of a word that was kept.
func (s *Server) said(ctx context.Context, u *ledger.Update, r *ledger.ApprovalReport) {
	last := &r.Said[len(r.Said)-1]
	s.Metrics.approval(last.Word)
	log := s.Log.With("team", u.Update.Team, "incident", u.Update.Incident, "update", u.ID, "by", last.By, "why", last.Why)
	switch last.Word {
	case ledger.SaidBreakGlass:
		log.WarnContext(ctx, "BREAK-GLASS: update let go by one person, whatever its rule", "people_asked_for", r.People)
	case ledger.SaidNo:
		log.WarnContext(ctx, "update refused: it is told to nobody")
	default:
		log.InfoContext(ctx, "update approved", "state", r.State, "missing", r.Missing)
	}
	if r.State == ledger.Approved && s.Approved != nil {
		s.Approved()
	}
}

func readWord(w http.ResponseWriter, r *http.Request) (said Word, err error) {
	body, err := readBody(w, r, 16<<10)
	if err != nil {
		return said, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&said); err != nil {
		return said, invalid("the body is not as it must be: "+err.Error(), `send {"seen": "...", "by": "...", "why": "...", "break_glass": false}`)
	}
	said.By, said.Why = strings.TrimSpace(said.By), strings.TrimSpace(said.Why)
	if !plainText(said.By, maxBy) || !plainText(said.Why, maxWhy) || !plainText(said.Seen, maxBy) {
		return said, invalid("by and why must be short and without line breaks", fmt.Sprintf("by up to %d characters, why up to %d", maxBy, maxWhy))
	}
	return said, nil
}

// identity is who a caller is, by their token; what they say of themselves counts only where the token is
// nobody's in particular, and says so.
func identity(caller *Token, by string) (name, account string, err error) {
	switch {
	case caller.Person == "" && by == "":
		return "", "", invalid("by must name who says so", "token "+strconv.Quote(caller.Name)+" is nobody's own; one with a person needs no by")
	case caller.Person == "":
		return fmt.Sprintf("%s (by token %s)", by, caller.Name), "", nil
	case by != "" && by != caller.Person:
		return "", "", invalid(fmt.Sprintf("token %q is %s's, and speaks for nobody else", caller.Name, caller.Person), "leave by out")
	}
	return caller.Person, caller.Name, nil
}

// notTaken makes a problem of why a word was not kept.
func notTaken(err error, caller *Token, u ledger.Update) error {
	conflict := func(message, hint string) error {
		return &problem{status: http.StatusConflict, message: message, hint: hint}
	}
	switch {
	case errors.Is(err, ledger.ErrStale):
		return conflict("a newer update of the incident has been approved; this one is now not announced", "see its incident; to tell customers more, publish a new update")
	case errors.Is(err, ledger.ErrTwice):
		return conflict(caller.Person+" has approved it already", "another person must, with an account of their own")
	case errors.Is(err, ledger.ErrUnseen):
		return conflict("what you have seen is not what would be let go", "its forecast was made meanwhile, or it was another update: look at it again, and approve that")
	case errors.Is(err, ledger.ErrNotAPerson):
		return &problem{status: http.StatusForbidden, message: fmt.Sprintf("the update needs %d different people, and token %q is nobody's own", u.Terms.Approval.People, caller.Name),
			hint: "each approves with a token of their own: http.tokens with approves: true and a person; or break the glass, with a reason"}
	case errors.Is(err, ledger.ErrConflict):
		return conflict("the update is not held", "it was approved or refused before, or is not to be announced: see its incident")
	}
	return fromLedger(err, "update")
}

// updateAsked is the update that a request names.
func (s *Server) updateAsked(r *http.Request) (ledger.Update, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return ledger.Update{}, &problem{status: http.StatusNotFound, message: "there is no such update", hint: "an update's id is a number: see /v1/incidents"}
	}
	u, err := s.Ledger.Update(r.Context(), id)
	return u, fromLedger(err, "update")
}

// approvers are the people who may approve a team's updates.
func (s *Server) approvers(team string) []string {
	var all []string
	for i := range s.keys {
		if t := &s.keys[i].token; t.Person != "" && t.mayApprove() && t.mayActFor(team) {
			all = append(all, t.Person)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// heldBody is the answer to what waits for approval.
type heldBody struct {
	AsOf    time.Time           `json:"as_of"`
	Updates []ledger.HeldUpdate `json:"updates"`
}

// heldUpdates answers what waits for approval, oldest first.
func (s *Server) heldUpdates(w http.ResponseWriter, r *http.Request, _ *Token) error {
	held, err := s.Ledger.HeldUpdates(r.Context())
	if err != nil {
		return fromLedger(err, "update")
	}
	return answer(w, http.StatusOK, heldBody{s.Clock.Now(), append([]ledger.HeldUpdate{}, held...)})
}

// Approve says that a held update may go out.
func (c *Client) Approve(ctx context.Context, update int64, w Word) (ledger.ApprovalReport, error) {
	return c.say(ctx, update, "/approve", w)
}

// Refuse says that a held update must not go out.
func (c *Client) Refuse(ctx context.Context, update int64, w Word) (ledger.ApprovalReport, error) {
	return c.say(ctx, update, "/refuse", w)
}

func (c *Client) say(ctx context.Context, update int64, what string, w Word) (r ledger.ApprovalReport, err error) {
	body, err := json.Marshal(w)
	if err != nil {
		return r, err
	}
	return r, c.call(ctx, http.MethodPost, updatePath(update)+what, "application/json", bytes.NewReader(body), &r)
}

// HeldUpdates lists what waits for approval, oldest first, and when that was so by the product's clock.
func (c *Client) HeldUpdates(ctx context.Context) ([]ledger.HeldUpdate, time.Time, error) {
	var all heldBody
	err := c.get(ctx, "/v1/approvals", &all)
	return all.Updates, all.AsOf, err
}

func updatePath(id int64) string { return "/v1/updates/" + strconv.FormatInt(id, 10) }
