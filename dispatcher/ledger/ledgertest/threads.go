package ledgertest

import (
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// inIncident: what recipients were told before in the same incident is found with all its attempts.
func inIncident(w *world) {
	w.people(3)
	_, child := w.announce(update("b", 1), 3)
	first, told := w.announce(update("a", 1), 3)
	w.record(merging("b", 2, "a"), ledger.NotAnnounced)
	f := ledger.Fold{Now: at(20)}
	change(&f, told[0], func(n *notification.Notification) {
		n.Attempt.ProviderID, n.Attempt.Took = "p|1", true
		next(notification.Failed, "550", at(20))(n)
	})
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[0])}
	w.apply(f)
	second, again := w.announce(update("a", 2), 2)
	ask := func(update int64, ids ...int64) []notification.Notification {
		w.Helper()
		ns, err := w.InIncident(w.ctx, update, ids)
		w.must(err)
		return ns
	}
	told = w.of(first.ID)
	w.equal("of the first recipient", ask(second.ID, again[0].ID), []notification.Notification{told[0], again[0]})
	if past := told[0].Past; len(past) != 1 || past[0].ProviderID != "p|1" {
		w.Errorf("the first recipient's attempts before: %+v", past)
	}
	w.equal("of both", ask(second.ID, again[1].ID, again[0].ID), []notification.Notification{told[0], told[1], again[0], again[1]})
	w.equal("of the merged incident", ask(child[0].Update, child[0].ID), []notification.Notification{child[0]})
	if ns := ask(second.ID); len(ns) != 0 {
		w.Errorf("of nobody: %+v", ns)
	}
	if ns := ask(second.ID+100, again[0].ID); len(ns) != 0 {
		w.Errorf("of an update that there isn't: %+v", ns)
	}
}
