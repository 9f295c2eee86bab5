package lane

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// Inquiries is what a lane needs of the bus to have providers asked.
type Inquiries interface {
	PublishInquiries(ctx context.Context, q bus.Inquiries, id string) error
	PublishRecalls(ctx context.Context, q bus.Inquiries) error
	PublishReceipts(ctx context.Context, provider string, r bus.Receipts) error
}

const (
	// askFor is how long a lane has a provider asked about an attempt that it is in doubt about. The
	// engine has judged by then.
	askFor = 10 * time.Minute
	// inDoubt is the code of an attempt that an earlier lane may have made.
	inDoubt = "in_doubt"
)

// doubts makes of a record's attempts that may have gone out what providers are to be asked about them:
// only the lane knows what was sent, where to and when.
func (r *run) doubts(record *bus.Record) bus.Inquiries {
	q := bus.Inquiries{Channel: r.b.Channel}
	now := time.Now().UTC()
	for i := range record.Results {
		if record.Results[i].State != bus.ResultUnknown || r.startedAt == nil {
			continue
		}
		if one, after := r.inquiry(&record.Results[i], now); after > 0 {
			q.Inquiries = append(q.Inquiries, one)
			q.NotBefore = later(q.NotBefore, now.Add(after))
		}
	}
	q.Until = q.NotBefore.Add(askFor)
	return q
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// inquiry is what to ask about an attempt, and how long after it; 0 if there is nothing to ask, or nobody.
func (r *run) inquiry(res *bus.Result, now time.Time) (bus.Inquiry, time.Duration) {
	asked, all := r.l.askable(res.Provider)
	m, err := r.l.message(r.b, res.Index)
	if !all || err != nil { // one that can't be made can't have been sent
		return bus.Inquiry{}, 0
	}
	q := bus.Inquiry{
		Notification: res.Notification, Step: r.b.Step, Try: r.b.Try, Provider: res.Provider, Others: r.others(res.Index),
		Address: m.Address, Text: m.Text, After: r.startedAt[res.Index], Before: now,
	}
	if res.Code == inDoubt { // by a lane before this one, at any time since the batch was queued
		q.After = r.queued
	}
	after := time.Duration(0)
	for _, o := range asked {
		after = max(after, o.Spec.InquireAfter)
	}
	return q, after
}

// others lists the messages of other attempts of the batch to the same address: there are numbers that
// several recipients share.
func (r *run) others(index int) []string {
	var ids []string
	for i, id := range r.ids {
		if id != "" && i != index && r.b.Attempts[i].Address == r.b.Attempts[index].Address {
			ids = append(ids, id)
		}
	}
	return ids
}

// inquire hands inquiries over, once the journal says that these attempts are in doubt. If it can't,
// receipts and deadlines decide, as they do where nobody can be asked.
func (r *run) inquire(ctx context.Context, q bus.Inquiries) {
	if len(q.Inquiries) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTry)
	defer cancel()
	id := fmt.Sprintf("doubt-%s-%d", r.id, q.Inquiries[0].Notification)
	if err := r.l.Inquiries.PublishInquiries(ctx, q, id); err != nil {
		r.l.Metrics.unasked(r.b.Channel, len(q.Inquiries))
		r.l.Log.WarnContext(ctx, "providers can't be asked about attempts in doubt; receipts and deadlines decide",
			"channel", r.b.Channel, "batch", r.b.ID, "attempts", len(q.Inquiries), "error", err)
	}
}

// asks reports whether any of the lane's providers can be asked.
func (l *Lane) asks() bool {
	for _, o := range l.outlets {
		if _, all := l.askable(o.Name); all && l.Inquiries != nil {
			return true
		}
	}
	return false
}

// askable returns the outlets to ask about a message that the one with the name given may have; of all
// outlets where the name is "". all reports whether each of them can be asked.
func (l *Lane) askable(provider string) (asked []*outlet, all bool) {
	all = true
	for _, o := range l.outlets {
		if provider != "" && o.Name != provider {
			continue
		}
		if _, can := o.Sender.(channels.Inquirer); !can || o.Spec.InquireAfter <= 0 {
			all = false
			continue
		}
		asked = append(asked, o)
	}
	return asked, all && len(asked) > 0
}
