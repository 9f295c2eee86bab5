package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// says notes a consent of somebody, by what they wrote at a second of the tests' day, and returns for how
// many it was news.
func (w *world) says(c ledger.Consent, second int) int {
	w.Helper()
	if c.Source == "" {
		c.Source = audience.ByReply
	}
	c.At = at(second)
	r, err := w.SetConsent(w.ctx, c)
	w.must(err)
	return r.Changed
}

func (w *world) consents(id string) []string {
	w.Helper()
	r, err := w.Recipient(w.ctx, id)
	w.must(err)
	return r.Consents
}

// number is the SMS address of a person.
func number(n int) string { return person(n).Addresses[1].Address }

// withdrawn: what a customer withdraws stays withdrawn, whatever is imported, until they give it back.
func withdrawn(w *world) {
	w.people(3)
	stop := ledger.Consent{Channel: "sms", Address: number(1)}
	w.equal("changed by the first word", w.says(stop, 20), 1)
	w.equal("changed by the second", w.says(stop, 30), 0)
	w.equal("consents", w.consents("c-001"), []string{"email"})
	w.equal("consents of another", w.consents("c-002"), []string{"email", "sms"})
	want := []audience.Withdrawal{{Channel: "sms", At: at(20), Source: audience.ByReply}}
	rs, err := w.RecipientsAfter(w.ctx, 0, 9, 1, nil)
	w.must(err)
	w.equal("as planning sees it", rs[0].Withdrawn, want)
	w.equal("consents as planning sees them", rs[0].Consents, []string{"email"})

	moved := person(1)
	moved.Addresses = audience.Addresses{{Channel: "sms", Address: "+37369999999"}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{moved}))
	w.equal("consents after an import", w.consents("c-001"), []string{"email"})
	w.must(w.DeleteRecipient(w.ctx, "c-001"))
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{moved}))
	w.equal("consents after everything else was forgotten", w.consents("c-001"), []string{"email"})

	w.equal("changed by word from the number that was", w.says(ledger.Consent{Channel: "sms", Address: number(1), On: true}, 40), 0)
	w.equal("changed by START", w.says(ledger.Consent{Channel: "sms", Address: "+37369999999", On: true}, 50), 1)
	w.equal("consents given back", w.consents("c-001"), []string{"email", "sms"})
	if r, err := w.Recipient(w.ctx, "c-001"); err != nil || len(r.Withdrawn) != 0 {
		w.Errorf("still withdrawn: %v, %v", r.Withdrawn, err)
	}
}

// sharedNumber: who answers from a number speaks for all who have it, and for no others.
func sharedNumber(w *world) {
	odd := `sms\n" ' % \`
	people := []audience.Recipient{person(1), person(2), person(3), person(4), {ID: audience.AccountPrefix + "sms:x", Consents: []string{"sms"}}}
	for i := range people {
		people[i].Addresses = audience.Addresses{{Channel: "email", Address: odd}, {Channel: "sms", Address: number(1)}}
	}
	people[2].Addresses = audience.Addresses{{Channel: "email", Address: number(1)}, {Channel: "viber", Address: number(1)}}
	people[3].Consents = []string{"email"}
	w.must(w.PutRecipients(w.ctx, people))
	r, err := w.SetConsent(w.ctx, ledger.Consent{Channel: "sms", Address: number(1), Source: audience.ByProvider, At: at(20)})
	w.must(err)
	w.equal("the report", r, ledger.ConsentReport{Customers: 3, Changed: 3})
	w.equal("consents of one who only has it elsewhere", w.consents("c-003"), []string{"email", "sms"})
	at, err := w.CustomersAt(w.ctx, "sms", number(1))
	w.must(err)
	if len(at) != 3 || at[0].ID != "c-001" || at[2].ID != "c-004" {
		w.Errorf("customers at the number: %+v", at)
	}
	if at, err = w.CustomersAt(w.ctx, "email", odd[:4]); err != nil || len(at) != 0 {
		w.Errorf("customers at half an odd address: %+v, %v", at, err)
	}
	w.equal("odd addresses", w.says(ledger.Consent{Channel: "email", Address: odd}, 30), 3)
	w.equal("half an odd address", w.says(ledger.Consent{Channel: "email", Address: `sms\`}, 30), 0)
	w.equal("nobody's", w.says(ledger.Consent{Channel: "sms", Address: "%"}, 30), 0)
	w.equal("given back", w.says(ledger.Consent{Channel: "sms", Address: number(1), On: true}, 40), 3)
	w.equal("said to nobody who had withdrawn", w.says(ledger.Consent{Channel: "sms", Address: number(1), On: true}, 50), 0)
	rs, err := w.RecipientsByNumber(w.ctx, []int64{5})
	w.must(err)
	w.equal("the account's", rs[0].Consents, []string{"sms"})
}

// operatorsConsent: an operator's word needs no consent to come back to, and a customer's does.
func operatorsConsent(w *world) {
	only := person(1)
	only.Consents = []string{"email"}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{only}))
	act := func(on bool) int {
		return w.says(ledger.Consent{Channel: "sms", Recipient: "c-001", On: on, Source: audience.ByOperator, By: "Ana", Why: "asked at the branch"}, 20)
	}
	w.equal("START of somebody who never withdrew", w.says(ledger.Consent{Channel: "sms", Number: 1, On: true}, 10), 0)
	w.equal("on", act(true), 1)
	w.equal("on again", act(true), 0)
	w.equal("consents", w.consents("c-001"), []string{"email", "sms"})
	w.equal("off", act(false), 1)
	w.equal("consents", w.consents("c-001"), []string{"email"})
	_, err := w.SetConsent(w.ctx, ledger.Consent{Channel: "sms", Recipient: "nobody", Source: audience.ByOperator, By: "Ana", Why: "x", At: at(20)})
	w.wantErr(err, ledger.ErrNotFound)
	for _, bad := range []ledger.Consent{
		{}, {Channel: "sms", Source: audience.ByReply}, {Channel: "sms", Recipient: "c-001", Source: "rumour"},
		{Channel: "sms", Recipient: "c-001", Source: audience.ByOperator}, {Channel: "sms", Recipient: "c-001", Address: "x", Source: audience.ByReply},
		{Recipient: "c-001", Source: audience.ByReply}, {Channel: "sms", Recipient: "c-001", Number: 1, Source: audience.ByReply},
	} {
		if _, err := w.SetConsent(w.ctx, bad); err == nil {
			w.Errorf("%+v was taken", bad)
		}
	}
}

// startRevives: an address that a provider has refused speaks: it isn't dead.
func startRevives(w *world) {
	w.people(2)
	_, ns := w.announce(update("a", 1), 2)
	for n := range int64(2) {
		w.apply(ledger.Fold{Now: at(20), Dead: []ledger.DeadAddress{
			{Recipient: n + 1, Channel: "sms", Batch: ns[0].Attempt.Batch}, {Recipient: n + 1, Channel: "email", Batch: ns[0].Attempt.Batch}}})
	}
	w.equal("withdrawn", w.says(ledger.Consent{Channel: "sms", Address: number(1)}, 30), 1)
	if r, err := w.Recipient(w.ctx, "c-001"); err != nil || !r.DeadOn("sms") {
		w.Errorf("leaving revived %+v, %v", r, err)
	}
	for n := range 2 {
		w.equal("given", w.says(ledger.Consent{Channel: "sms", Address: number(n + 1), On: true}, 40), 1)
		r, err := w.Recipient(w.ctx, person(n+1).ID)
		w.must(err)
		w.equal("dead", r.Dead, person(n + 1).Addresses[:1])
	}
}

// consentTrail: who, when, how; and no address.
func consentTrail(w *world) {
	w.people(2)
	w.says(ledger.Consent{Channel: "sms", Address: number(1), Source: audience.ByOneClick}, 20)
	w.says(ledger.Consent{Channel: "sms", Recipient: "c-001", On: true, Source: audience.ByOperator, By: "Ana", Why: "asked"}, 30)
	w.says(ledger.Consent{Channel: "sms", Recipient: "c-001", On: true, Source: audience.ByOperator, By: "Ana", Why: "asked"}, 40)
	links, err := w.TrailAfter(w.ctx, 1, 10)
	w.must(err)
	var got []ledger.TrailEntry
	for _, l := range links {
		var e ledger.TrailEntry
		w.must(json.Unmarshal(l.Body, &e))
		got = append(got, e)
	}
	w.equal("entries", got, []ledger.TrailEntry{
		{Seq: 2, At: at(20), Kind: ledger.TrailConsent, Order: "withdrawn", Recipient: "c-001", Channel: "sms", Source: "one_click"},
		{Seq: 3, At: at(30), Kind: ledger.TrailConsent, Order: "given", By: "Ana", Why: "asked", Recipient: "c-001", Channel: "sms", Source: "operator"},
	})
}

// leaving are the recipients that the engine is to look at.
func (w *world) leaving() []int64 {
	w.Helper()
	es, err := w.Errands(w.ctx, 0, 100)
	w.must(err)
	var all, done []int64
	for _, e := range es {
		if e.Verb != ledger.Withdrawn || e.First != e.Last {
			w.Errorf("errand %+v", e)
		}
		all, done = append(all, e.First), append(done, e.ID)
	}
	var seen []int64
	w.must(w.View(w.ctx, func(v ledger.View) (err error) {
		seen, err = v.Leaving(w.ctx)
		return err
	}))
	if len(seen) != len(all) { // none of the tests leaves word twice
		w.Errorf("a view has %v, want %v", seen, all)
	}
	w.apply(ledger.Fold{Now: at(90), ErrandsDone: done})
	return all
}

// consentWhileQueued: of a withdrawal the engine hears, and finds what is queued.
func consentWhileQueued(w *world) {
	w.people(3)
	_, ns := w.announce(update("a", 1), 3)
	w.announce(update("b", 1), 2)
	var f ledger.Fold
	f.Now = at(15)
	change(&f, ns[1], reach("email", notification.Delivered, at(15)))
	w.apply(f)
	w.says(ledger.Consent{Channel: "email", Number: 1}, 20)
	w.says(ledger.Consent{Channel: "email", Number: 2}, 20)
	w.equal("to be looked at", w.leaving(), []int64{1, 2})
	queued, err := w.QueuedFor(w.ctx, []int64{1, 2})
	w.must(err)
	var of []int64
	for i := range queued {
		of = append(of, queued[i].Recipient)
	}
	w.equal("recipients of what is queued", of, []int64{1, 1, 2})
	w.must(w.View(w.ctx, func(v ledger.View) error {
		ws, err := v.Withdrawers(w.ctx, []int64{1, 2, 3})
		if err == nil && (len(ws) != 2 || ws[0].Number != 1 || ws[0].Withdrawn[0].Channel != "email") {
			w.Errorf("withdrawers %+v", ws)
		}
		return err
	}))
	w.says(ledger.Consent{Channel: "email", Number: 1, On: true}, 30)
	w.equal("to be looked at after a consent was given back", w.leaving(), []int64(nil))
}

// consentBesidePlanning: a page or a fold that was decided on before a withdrawal, and is committed after
// it, leaves word of what it queues nevertheless.
func consentBesidePlanning(w *world) {
	w.people(3)
	u := w.begin(update("a", 1))
	for n, channel := range map[int64]string{1: "email", 2: "sms"} {
		w.says(ledger.Consent{Channel: channel, Number: n}, 5)
	}
	w.equal("left by those who withdrew", len(w.leaving()), 2)
	w.must(w.CommitPage(w.ctx, page(u, 1, 3, true)))
	w.equal("left by the page", w.leaving(), []int64{1})
	ns := w.of(u.ID)
	f := ledger.Fold{Now: at(20)}
	for _, n := range ns[1:] {
		change(&f, n, next(notification.Failed, "x", at(20)))
	}
	for i := range f.Changed {
		f.Batches = append(f.Batches, further(&f.Changed[i]))
	}
	w.apply(f)
	w.equal("left by the fold", w.leaving(), []int64{2})
}

// manyLeave: those who share a number leave and come back at the same time, beside imports.
func manyLeave(w *world) {
	people := []audience.Recipient{person(1), person(2), person(3)}
	for i := range people {
		people[i].Addresses = person(1).Addresses
	}
	w.must(w.PutRecipients(w.ctx, people))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c := ledger.Consent{Channel: "sms", Address: number(1), On: i%2 == 1, Source: audience.ByReply, At: at(20 + i)}
			if _, err := w.SetConsent(context.WithoutCancel(w.ctx), c); err != nil {
				w.Error(err)
			}
			if err := w.PutRecipients(context.WithoutCancel(w.ctx), people); err != nil {
				w.Error(err)
			}
		})
	}
	all.Wait()
	w.says(ledger.Consent{Channel: "sms", Address: number(1)}, 60)
	for i := range people {
		w.equal("consents at the end", w.consents(fmt.Sprintf("c-%03d", i+1)), []string{"email"})
	}
}
