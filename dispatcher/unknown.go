package dispatcher

import (
	"context"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// shownUnknown is how many ids the log names.
const shownUnknown = 10

// unknown looks for recipients whom the update names and whom the directory didn't know when planning
// began: nobody tells them anything. It returns what is to be said of the update, "" if all are known.
func (g *pager) unknown(ctx context.Context) (note string, err error) {
	u, p := &g.update, g.planner
	if g.circle.again || u.Update.Status == incident.Correction {
		return "", nil // it is for whom was told, or was not, whoever is named
	}
	named := slices.Compact(slices.Sorted(slices.Values(u.Update.Affects.Recipients)))
	if len(named) == 0 {
		return "", nil
	}
	ids, err := p.Ledger.UnknownRecipients(ctx, named, u.Until)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	p.Metrics.unknownRecipients(len(ids))
	p.Log.WarnContext(ctx, "the update names customers who are not in the directory", "team", u.Update.Team, "incident", u.Update.Incident,
		"update", u.ID, "named", len(named), "unknown", len(ids), "first", ids[:min(len(ids), shownUnknown)])
	return ledger.NotInDirectory(len(ids), len(named)), nil
}
