package httpapi

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// Compensations is what the API reads of the ledger about who is made good.
type Compensations interface {
	Update(ctx context.Context, id int64) (ledger.Update, error)
	AudienceAfter(ctx context.Context, updates []int64, after int64, limit int) ([]ledger.Member, int64, error)
}

// compensation answers who gets what for an incident, one line a recipient and option, for the systems
// that grant it.
func (s *Server) compensation(w http.ResponseWriter, r *http.Request, _ *Token) error {
	format, err := formatOf(r)
	if err != nil {
		return err
	}
	key := ledger.IncidentKey{Team: r.PathValue("team"), Incident: r.PathValue("incident")}
	updates, err := s.compensating(r.Context(), key)
	if err != nil {
		return err
	}
	name := key.Team + "_" + key.Incident + "_compensation." + string(format)
	contentType, out := "application/jsonl; charset=utf-8", grantWriter(newGrantLines(w))
	if format == audience.CSV {
		contentType, out = "text/csv; charset=utf-8; header=present", &grantTable{csv.NewWriter(w)}
	}
	attachment(w, contentType, name)
	return s.cutOff(r, s.writeGrants(r.Context(), out, key, updates))
}

// compensating are an incident's updates that grant something. It fails where what they grant can't be
// told, or not yet: a list with a part of the recipients would be taken for the whole.
func (s *Server) compensating(ctx context.Context, key ledger.IncidentKey) (map[int64]*ledger.Update, error) {
	one, err := s.Ledger.Incident(ctx, key.Team, key.Incident)
	if err != nil {
		return nil, fromLedger(err, "incident")
	}
	all := map[int64]*ledger.Update{}
	for i := range one.Progress {
		p := &one.Progress[i]
		u, err := s.Ledger.Update(ctx, p.ID)
		if err != nil {
			return nil, fromLedger(err, "update")
		}
		if len(u.Terms.Compensation) == 0 {
			continue
		}
		switch {
		case u.State == ledger.Held || u.State == ledger.NotAnnounced:
		case u.State == ledger.Approved || u.State == ledger.Planning:
			return nil, &problem{status: http.StatusConflict, message: fmt.Sprintf("update %d, which compensates, is being planned: its recipients are not all known yet", u.ID), hint: "ask again in a while"}
		case p.Dropped:
			return nil, &problem{status: http.StatusGone, message: fmt.Sprintf("the recipients of update %d, which compensates, are not kept any more", u.ID), hint: "they were dropped as older than ledger.keep, or by `tocsin prune`; `tocsin evidence` files made before have them"}
		default:
			all[u.ID] = &u
		}
	}
	if len(all) == 0 {
		return nil, &problem{status: http.StatusConflict, message: "no update of this incident that was let go compensates anything", hint: "an update names options of its playbook in data.compensate"}
	}
	return all, nil
}

// grantsAtOnce is how many recipients are read at once.
const grantsAtOnce = 2000

// writeGrants writes what updates grant, in pages, so that memory doesn't grow with the recipients.
func (s *Server) writeGrants(ctx context.Context, out grantWriter, key ledger.IncidentKey, updates map[int64]*ledger.Update) error {
	ids := make([]int64, 0, len(updates))
	for id := range updates {
		ids = append(ids, id)
	}
	if err := out.begin(); err != nil {
		return err
	}
	for after := int64(0); ; {
		members, next, err := s.Ledger.AudienceAfter(ctx, ids, after, grantsAtOnce)
		if err != nil {
			return err
		}
		if next == after {
			return out.end()
		}
		for _, g := range ledger.Grants(key, updates, members) {
			if err := out.write(&g); err != nil {
				return err
			}
		}
		after = next
	}
}

// grantWriter is a form in which grants are written.
type grantWriter interface {
	begin() error
	write(g *ledger.Grant) error
	end() error
}

// grantTable writes CSV (RFC 4180).
type grantTable struct{ *csv.Writer }

func (t *grantTable) begin() error {
	return t.Write([]string{"id", "recipient", "option", "value", "update", "event", "outcome"})
}

func (t *grantTable) write(g *ledger.Grant) error {
	return t.Write([]string{g.ID, cell(g.Recipient), cell(g.Option), cell(g.Value), strconv.FormatInt(g.Update, 10), cell(g.Event), g.Outcome})
}

func (t *grantTable) end() error {
	t.Flush()
	return t.Error()
}

// grantLines writes JSON lines.
type grantLines struct {
	lines    *json.Encoder
	buffered *bufio.Writer
}

func newGrantLines(w io.Writer) *grantLines {
	b := bufio.NewWriterSize(w, 64<<10)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return &grantLines{e, b}
}

func (l *grantLines) begin() error { return nil }

func (l *grantLines) write(g *ledger.Grant) error { return l.lines.Encode(g) }

func (l *grantLines) end() error { return l.buffered.Flush() }

// Compensation writes who gets what for an incident to w.
func (c *Client) Compensation(ctx context.Context, team, id string, format audience.Format, w io.Writer) error {
	return c.copy(ctx, w, incidentPath(team, id)+"/compensation?format="+url.QueryEscape(string(format)))
}
