package ledgertest

import (
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func deadAddresses(w *world) {
	w.people(3)
	_, ns := w.announce(update("a", 1), 3)
	batch := ns[0].Attempt.Batch
	bury := func(number int64, channel string) {
		w.Helper()
		w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{{Recipient: number, Channel: channel, Batch: batch}}})
	}
	dead := func(id string) audience.Addresses {
		w.Helper()
		r, err := w.Recipient(w.ctx, id)
		w.must(err)
		return r.Dead
	}
	bury(1, "sms")
	bury(1, "email")
	bury(1, "sms") // told again
	bury(2, "fax") // there is no such address
	bury(77, "sms")
	w.equal("dead", dead("c-001"), person(1).Addresses)
	w.equal("dead of another", dead("c-002"), audience.Addresses{})
	rs, err := w.RecipientsAfter(w.ctx, 0, 1, 1, nil)
	w.must(err)
	w.equal("dead, as planning sees it", rs[0].Dead, person(1).Addresses)
	if rs, err = w.RecipientsByNumber(w.ctx, []int64{1}); err != nil || len(rs) != 1 || !rs[0].DeadOn("sms") {
		w.Errorf("dead, as the engine sees it: %+v, %v", rs, err)
	}

	again := person(1)
	again.Name, again.Dead = "Other name, same addresses", audience.Addresses{{Channel: "sms", Address: "nonsense"}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{again}))
	w.equal("dead after an import of the same addresses", dead("c-001"), person(1).Addresses)
	again.Addresses = audience.Addresses{person(1).Addresses[0], {Channel: "sms", Address: "+37369999999"}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{again}))
	w.equal("dead after another number came", dead("c-001"), person(1).Addresses[:1])
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(1)}))
	w.equal("dead after the dead number came back", dead("c-001"), person(1).Addresses)

	w.must(w.DeleteRecipient(w.ctx, "c-001"))
	bury(1, "sms")
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(1)}))
	w.equal("dead after everything was forgotten", dead("c-001"), audience.Addresses{})
}

// deadAccount keeps public accounts alive: what is wrong with one is put right in the configuration, and
// its address stays the same.
func deadAccount(w *world) {
	account := audience.Recipient{ID: audience.AccountPrefix + "email:c1", Addresses: person(1).Addresses}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{account}))
	_, ns := w.announce(update("a", 1), 1)
	w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{{Recipient: 1, Channel: "email", Batch: ns[0].Attempt.Batch}}})
	rs, err := w.RecipientsByNumber(w.ctx, []int64{1})
	w.must(err)
	if len(rs) != 1 || len(rs[0].Dead) != 0 {
		w.Errorf("the account: %+v", rs)
	}
}

// deadSince refuses an address that the directory has no more: the new one is not to blame.
func deadSince(w *world) {
	w.people(1)
	_, ns := w.announce(update("a", 1), 1)
	moved := person(1)
	moved.Addresses = audience.Addresses{person(1).Addresses[0], {Channel: "sms", Address: "+37369999999"}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{moved}))
	refuse := func(batch int64) audience.Addresses {
		w.Helper()
		w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{{Recipient: 1, Channel: "sms", Batch: batch}}})
		r, err := w.Recipient(w.ctx, "c-001")
		w.must(err)
		return r.Dead
	}
	w.equal("dead by a batch from before the import", refuse(ns[0].Attempt.Batch), audience.Addresses{})
	_, ns = w.announce(update("a", 2), 1)
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{moved})) // the same again changes nothing
	w.equal("dead by a batch from after it", refuse(ns[0].Attempt.Batch), moved.Addresses[1:])

	var f ledger.Fold
	change(&f, ns[0], reach("email", notification.Delivered, at(20)))
	change(&f, ns[0], reach("email", notification.Delivered, at(20))) // of a version that is gone by now
	f.Dead = []ledger.DeadAddress{{Recipient: 1, Channel: "email", Batch: ns[0].Attempt.Batch}}
	w.wantErr(w.Apply(w.ctx, f), ledger.ErrConflict)
	if r, err := w.Recipient(w.ctx, "c-001"); err != nil || r.DeadOn("email") {
		w.Errorf("a refused fold left %+v, %v", r.Dead, err)
	}
}
