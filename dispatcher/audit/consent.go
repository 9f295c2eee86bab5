package audit

import (
	"context"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// withdrawals reads what the recipients of a page have left, and who of them the engine is still to look at.
func (p *pass) withdrawals(ctx context.Context, all *around, numbers []int64) error {
	all.left, all.leaving = map[int64][]audience.Withdrawal{}, map[int64]bool{}
	ws, err := p.view.Withdrawers(ctx, numbers)
	if err != nil || len(ws) == 0 {
		return err
	}
	for _, w := range ws {
		all.left[w.Number] = w.Withdrawn
	}
	leaving, err := p.view.Leaving(ctx)
	for _, n := range leaving {
		all.leaving[n] = true
	}
	return err
}

// notLeft: nothing was queued on a channel, and then sent, after its recipient had left it. What was put
// off to the end of quiet hours counts as queued only then, and is stopped until then.
func (p *pass) notLeft(n *notification.Notification, a *notification.Attempt, left []audience.Withdrawal) {
	for _, w := range left {
		if w.Channel == a.Channel && a.Took && a.QueuedAt.After(w.At.Add(p.Tolerance)) {
			p.says(Consent, n.Update, n.ID, "nothing after "+moment(w.At),
				"step %d was queued at %s and sent, after recipient %d had left %s", a.Step, moment(a.QueuedAt), n.Recipient, a.Channel)
		}
	}
}
