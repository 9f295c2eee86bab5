package ledgertest

import (
	"fmt"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// oddTexts are what providers answer on a bad day. They must be no reason to refuse the rest of what
// is folded or asked for.
func oddTexts(w *world) {
	const odd = "a\x00b\xff"
	w.people(1)
	u, ns := w.announce(update("a", 1), 1)
	f := ledger.Fold{Now: at(20)}
	change(&f, ns[0], next(notification.Failed, odd, at(20)))
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[0])}
	f.Changed[0].Attempt.ProviderID = odd
	f.ProviderIDs = []ledger.ProviderAttempt{{Channel: "sms", ProviderID: odd, Attempt: notification.ID{Notification: ns[0].ID, Step: 1}}}
	f.Early = []ledger.EarlyReceipt{{Channel: "viber", ProviderID: odd, State: channels.ReceiptRead, Code: odd, At: at(1)}}
	w.apply(f)
	if n := w.of(u.ID)[0]; n.Attempt.Step != 1 || len(n.Past) != 1 || n.Past[0].State != notification.Failed {
		w.Errorf("notification: %+v", n)
	}
	_, err := w.AttemptsByProviderID(w.ctx, "sms", []string{odd})
	w.must(err)
	_, err = w.EarlyReceipts(w.ctx, "viber", []string{odd})
	w.must(err)
	odder := person(2)
	odder.Name, odder.ID = fmt.Sprintf("Name %s", odd), "c-odd"
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{odder}))
}
