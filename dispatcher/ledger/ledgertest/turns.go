package ledgertest

import "github.com/tocsin-dev/tocsin/dispatcher/ledger"

// after is the id of the update to be planned after another, 0 if there is none.
func (w *world) after(id int64) int64 {
	w.Helper()
	u, err := w.NextToPlan(w.ctx, id)
	if err != nil {
		w.wantErr(err, ledger.ErrNotFound)
	}
	return u.ID
}

// planTurns: each that is to be planned has its turn, then the oldest again.
func planTurns(w *world) {
	w.people(1)
	a, b := w.record(update("a", 1), ledger.Approved), w.record(update("b", 1), ledger.Approved)
	w.record(update("c", 1), ledger.Held)
	d := w.record(update("d", 1), ledger.Approved)
	for _, turn := range []struct{ after, want int64 }{{0, a}, {a, b}, {b, d}, {d, a}, {d + 100, a}} {
		if got := w.after(turn.after); got != turn.want {
			w.Errorf("after update %d comes %d, want %d", turn.after, got, turn.want)
		}
	}
}

// planTurnsOfOneIncident: what is newer waits for what is older of its incident, and of those that were
// merged into it; one that is paused keeps nobody waiting.
func planTurnsOfOneIncident(w *world) {
	w.people(1)
	parent := w.record(update("parent", 1), ledger.NotAnnounced)
	child := w.record(update("child", 1), ledger.Approved)
	into := update("child", 2)
	into.MergedInto = "parent"
	w.record(into, ledger.NotAnnounced)
	newer := w.record(update("parent", 3), ledger.Approved)
	newest := w.record(update("parent", 4), ledger.Approved)
	other := w.record(update("other", 5), ledger.Approved)
	if got := w.after(child); got != other {
		w.Errorf("after update %d comes %d, want %d: %d and %d wait (%d)", child, got, other, newer, newest, parent)
	}
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: w.after(0), Cursor: 1, Last: true, Now: at(10)}))
	if got := w.after(child); got != newer {
		w.Errorf("then comes %d, want %d", got, newer)
	}
	r, err := w.CarryOut(w.ctx, ledger.Order{ID: "p", Verb: ledger.Pause, Update: newer, By: "ana", Why: "x", At: at(11)}, at(11))
	if w.must(err); r.Refused {
		w.Fatal(r.Result)
	}
	if got := w.after(child); got != newest {
		w.Errorf("with %d paused comes %d, want %d", newer, got, newest)
	}
}

// unknownRecipients: who is not in the directory, or came after its last number was a certain one, or
// was deleted.
func unknownRecipients(w *world) {
	w.people(3)
	w.must(w.DeleteRecipient(w.ctx, "c-002"))
	got, err := w.UnknownRecipients(w.ctx, []string{"x", "c-001", "c-003", "c-002", "x", "o'brien"}, 2)
	w.must(err)
	w.equal("unknown", got, []string{"c-002", "c-003", "o'brien", "x"})
	got, err = w.UnknownRecipients(w.ctx, nil, 3)
	w.must(err)
	w.equal("unknown of none", got, []string{})
}

// pageNotes: the last page says what is to be said of the update, beside what was said before.
func pageNotes(w *world) {
	w.people(1)
	reason := func(u ledger.Update, p ledger.Page) string {
		w.Helper()
		p.Note = "note"
		w.must(w.CommitPage(w.ctx, p))
		s, err := w.Update(w.ctx, u.ID)
		w.must(err)
		return s.Reason
	}
	u := w.begin(update("a", 1))
	if got := reason(u, page(u, 1, 1, true)); got != "note" {
		w.Errorf("reason %q", got)
	}
	u = w.begin(update("b", 1))
	if got := reason(u, ledger.Page{Update: u.ID, Cursor: 1, Last: true, Now: at(10)}); got != ledger.NobodyAffected+"; note" {
		w.Errorf("reason of an update for nobody: %q", got)
	}
}
