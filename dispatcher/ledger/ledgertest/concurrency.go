package ledgertest

import (
	"context"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// readersBesideWriter holds readers to what they may see at any moment: whole transactions.
func readersBesideWriter(w *world) {
	w.people(40)
	u := w.begin(update("a", 1))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				up, err := w.Update(w.ctx, u.ID)
				if err != nil || up.Audience != up.Cursor {
					w.Errorf("half a page is seen: audience %d, cursor %d, error %v", up.Audience, up.Cursor, err)
					return
				}
				if _, err := w.RecipientsAfter(w.ctx, 0, 40, 40, nil); err != nil {
					w.Error(err)
					return
				}
				if _, err := w.Report(w.ctx, "payments", "a"); err != nil {
					w.Error(err)
					return
				}
			}
		})
	}
	for from := 1; from <= 40; from += 4 {
		w.must(w.CommitPage(w.ctx, page(u, from, from+3, from == 37)))
	}
	ns := w.of(u.ID)
	for i := range ns {
		f := ledger.Fold{Now: at(50)}
		change(&f, ns[i], reach("email", notification.Delivered, at(50)))
		w.apply(f)
	}
	close(done)
	readers.Wait()
	if up, err := w.Update(w.ctx, u.ID); err != nil || up.State != ledger.Closed {
		w.Errorf("in the end: %s, %v", up.State, err)
	}
}

// cancelledWrites ends writes at any point by their context: each is there whole or not at all, and
// the store goes on.
func cancelledWrites(w *world) {
	const size = 50
	rs := make([]audience.Recipient, size)
	for round := range 40 {
		for i := range rs {
			rs[i] = person(round*size + i)
		}
		ctx, cancel := context.WithTimeout(w.ctx, time.Duration(round)*100*time.Microsecond)
		err := w.PutRecipients(ctx, rs)
		cancel()
		count, cerr := w.CountRecipients(w.ctx)
		w.must(cerr)
		if count%size != 0 {
			w.Fatalf("%d recipients after a write that ended with %v: half of it is there", count, err)
		}
	}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(99999)}))
	if _, err := w.Recipient(w.ctx, "c-99999"); err != nil {
		w.Errorf("a write after cancelled ones is not there: %v", err)
	}
}
