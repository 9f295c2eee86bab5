package lane

import (
	"context"
	"slices"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// answerInquiries asks what became of messages, as the channel's queue says, until ctx ends.
func (l *Lane) answerInquiries(ctx context.Context) error {
	return l.serve(ctx, bus.InquiriesStream, bus.InquiriesConsumer(l.Channel), bus.InquiriesSubject(l.Channel), func(q bus.Inquiries) *docket {
		return &l.inquest(q).docket
	})
}

// inquest is the asking what became of the messages of one docket.
type inquest struct {
	docket
	// known are the providers' ids of messages that are known to belong to attempts, by provider.
	known map[string][]string
}

func (l *Lane) inquest(q bus.Inquiries) *inquest {
	i := &inquest{docket: docket{l: l, q: q, again: l.Inquiries.PublishInquiries}, known: known(q.Inquiries)}
	i.ask, i.late = i.inquire, func(left []bus.Inquiry, why string) {
		l.Metrics.answer(l.Channel, left[0].Provider, why, len(left))
	}
	return i
}

func known(qs []bus.Inquiry) map[string][]string {
	ids := map[string][]string{}
	for i := range qs {
		if qs[i].ProviderID != "" {
			ids[qs[i].Provider] = append(ids[qs[i].Provider], qs[i].ProviderID)
		}
	}
	return ids
}

// inquire asks about one attempt: the provider that may have it, or each of them. It is absent only if all
// of them say so.
func (i *inquest) inquire(ctx context.Context, q *bus.Inquiry) *channels.Error {
	asked, sure := i.l.askable(q.Provider)
	if len(asked) == 0 {
		i.l.Metrics.answer(i.l.Channel, q.Provider, "not_askable", 1)
		return nil
	}
	var last channels.Receipt
	for _, o := range asked {
		r, e := i.l.inquireOf(ctx, o, i.question(q, o))
		switch {
		case e == nil && r.State != channels.ReceiptAbsent:
			i.learn(q, o, r)
			return nil
		case e != nil && e.Class != channels.Rejected && e.Class != channels.InvalidAddress:
			return e
		case e != nil:
			sure = false
		}
		last = r
	}
	if sure {
		i.learn(q, asked[0], last)
	}
	return nil
}

// question is what a provider is asked about an attempt.
func (i *inquest) question(q *bus.Inquiry, o *outlet) channels.Inquiry {
	id := notification.ID{Notification: q.Notification, Step: q.Step, Try: q.Try}
	out := channels.Inquiry{Ref: i.l.Signer.Ref(id), ProviderID: q.ProviderID}
	if q.ProviderID == "" {
		out.Address, out.Text, out.SentAfter, out.SentBefore = q.Address, q.Text, q.After, q.Before
		out.Others = slices.Concat(q.Others, i.known[""], i.known[o.Name])
	}
	return out
}

// learn keeps an answer. A message that was found is this attempt's from now on.
func (i *inquest) learn(q *bus.Inquiry, o *outlet, r channels.Receipt) {
	if q.ProviderID == "" && r.ProviderID != "" {
		i.known[o.Name] = append(i.known[o.Name], r.ProviderID)
	}
	i.answer(o.Name, bus.Receipt{
		Notification: q.Notification, Step: q.Step, Try: q.Try, ProviderID: r.ProviderID, State: r.State, Code: r.Code, At: r.At,
	})
}

// inquireOf asks one provider about one message when its turn comes.
func (l *Lane) inquireOf(ctx context.Context, o *outlet, q channels.Inquiry) (r channels.Receipt, e *channels.Error) {
	asked := false
	e = o.ask(ctx, func(ctx context.Context) (err error) {
		asked = true
		r, err = o.Sender.(channels.Inquirer).Inquire(ctx, q)
		return err
	})
	switch {
	case e == nil:
		l.Metrics.answer(l.Channel, o.Name, string(r.State), 1)
	case asked:
		l.Metrics.answer(l.Channel, o.Name, e.Class.String(), 1)
		if e.Class == channels.RateLimited {
			o.quiet(e.RetryAfter) // said of asking, it is true of sending as well
		}
	}
	return r, e
}
