package httpapi

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Limits of lists.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

func limitOf(r *http.Request) (int, error) {
	given := r.URL.Query().Get("limit")
	if given == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 || n > maxLimit {
		return 0, invalid(fmt.Sprintf("limit must be a number from 1 to %d", maxLimit), "")
	}
	return n, nil
}

func (s *Server) incidents(w http.ResponseWriter, r *http.Request, _ *Token) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	all, err := s.Ledger.Incidents(r.Context(), limit)
	if err != nil {
		return fromLedger(err, "incident")
	}
	return answer(w, http.StatusOK, orEmpty(all))
}

// orEmpty makes a list that is [] in JSON, not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Server) incident(w http.ResponseWriter, r *http.Request, _ *Token) error {
	one, err := s.Ledger.Incident(r.Context(), r.PathValue("team"), r.PathValue("incident"))
	if err != nil {
		return fromLedger(err, "incident")
	}
	return answer(w, http.StatusOK, one)
}

// report answers what became of an incident: counted as JSON, or one line a notification as CSV.
func (s *Server) report(w http.ResponseWriter, r *http.Request, _ *Token) error {
	team, id := r.PathValue("team"), r.PathValue("incident")
	switch r.URL.Query().Get("format") {
	case "", "json":
		rep, err := s.Ledger.Report(r.Context(), team, id)
		if err != nil {
			return fromLedger(err, "incident")
		}
		return answer(w, http.StatusOK, rep)
	case "csv":
		if _, err := s.Ledger.Incident(r.Context(), team, id); err != nil {
			return fromLedger(err, "incident")
		}
		attachment(w, "text/csv; charset=utf-8; header=present", team+"_"+id+".csv")
		return s.cutOff(r, s.writeReport(r.Context(), w, team, id))
	}
	return invalid("format is unknown", "use json or csv")
}

// attachment begins an answer that is a file, of whatever length.
func attachment(w http.ResponseWriter, contentType, name string) {
	unlimited(w)
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// unlimited lifts the server's time limits for an answer that lasts. Servers without any return an
// error, which is as good.
func unlimited(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
}

// cutOff ends a file that could not be finished so that the caller notices: by breaking the
// connection, since the status has been sent.
func (s *Server) cutOff(r *http.Request, err error) error {
	if err == nil {
		return nil
	}
	if r.Context().Err() == nil {
		s.Log.WarnContext(r.Context(), "answer cut off", "route", routeOf(r.Pattern), "error", err)
	}
	panic(http.ErrAbortHandler)
}

// writeReport writes one line a notification, after a header line (RFC 4180).
func (s *Server) writeReport(ctx context.Context, w io.Writer, team, id string) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"update", "recipient", "outcome", "reason", "channel", "proof", "settled_at"}); err != nil {
		return err
	}
	for row, err := range s.Ledger.RecipientReports(ctx, team, id) {
		if err != nil {
			return err
		}
		settled := ""
		if !row.SettledAt.IsZero() {
			settled = row.SettledAt.Format(time.RFC3339Nano)
		}
		err = out.Write([]string{
			strconv.FormatInt(row.Update, 10), cell(row.Recipient), cell(row.Outcome), cell(row.Reason),
			cell(row.Channel), cell(row.Proof), settled,
		})
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cell defuses a cell that a spreadsheet would take for a formula, as OWASP's page on CSV injection
// says: by an apostrophe before it.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// rejection is an update that was refused, as the API shows it.
type rejection struct {
	ID     int64            `json:"id"`
	Team   string           `json:"team"`
	At     time.Time        `json:"at"`
	Faults []incident.Fault `json:"faults"`
	// Body is the message as it came, if it is UTF-8; BodyBase64 is it if it is not.
	Body       string `json:"body,omitempty"`
	BodyBase64 []byte `json:"body_base64,omitempty"`
}

func shown(r ledger.Rejection) rejection {
	v := rejection{ID: r.ID, Team: r.Team, At: r.At, Faults: orEmpty(r.Faults)}
	if utf8.Valid(r.Body) {
		v.Body = string(r.Body)
	} else {
		v.BodyBase64 = r.Body
	}
	return v
}

// whole is the opposite of shown.
func (v rejection) whole() ledger.Rejection {
	r := ledger.Rejection{ID: v.ID, Team: v.Team, At: v.At, Faults: v.Faults, Body: v.BodyBase64}
	if v.Body != "" {
		r.Body = []byte(v.Body)
	}
	return r
}

// rejections lists refused updates, newest first. A team's token sees its own among the last ones.
func (s *Server) rejections(w http.ResponseWriter, r *http.Request, caller *Token) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	ask := limit
	if !caller.mayActFor("") {
		ask = maxLimit
	}
	all, err := s.Ledger.Rejections(r.Context(), ask)
	if err != nil {
		return fromLedger(err, "rejection")
	}
	seen := []rejection{}
	for _, one := range all {
		if caller.mayActFor(one.Team) && len(seen) < limit {
			seen = append(seen, shown(one))
		}
	}
	return answer(w, http.StatusOK, seen)
}
