package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// trail reads the whole trail in pages of three, checks its hashes, and returns what it says without
// the entry that it begins with.
func (w *world) trail() []ledger.TrailEntry {
	w.Helper()
	var check ledger.TrailVerifier
	var all []ledger.TrailEntry
	for {
		links, err := w.TrailAfter(w.ctx, check.Head.Seq, 3)
		w.must(err)
		if len(links) == 0 {
			break
		}
		for i := range links {
			e, err := check.Check(&links[i])
			w.must(err)
			all = append(all, e)
		}
	}
	head, err := w.TrailHead(w.ctx)
	w.must(err)
	w.equal("head of the trail", head, check.Head)
	if len(all) == 0 {
		return nil
	}
	if all[0].Kind != ledger.TrailBegun {
		w.Errorf("the trail begins with %+v", all[0])
	}
	return all[1:]
}

// digests are those of the tests' texts, as a store keeps them.
func (w *world) digests() []ledger.TextDigest {
	w.Helper()
	frozen, err := ledger.Freeze(texts())
	w.must(err)
	var all []ledger.TextDigest
	for i := range frozen {
		all = append(all, frozen[i].Digest())
	}
	return all
}

func count(n int64) *int64 { return &n }

// trailOfUpdate holds the trail of an update to what an auditor wants to know of one.
func trailOfUpdate(w *world) {
	w.people(2)
	if entries := w.trail(); entries != nil {
		w.Fatalf("the trail of an empty ledger: %+v", entries)
	}
	u, ns := w.announce(update("a", 1), 2)
	for i := range ns {
		f := ledger.Fold{Now: at(20 + i)}
		change(&f, ns[i], []func(*notification.Notification){
			reach("email", notification.Delivered, at(20)), giveUp(notification.Rejected, at(21)),
		}[i])
		w.apply(f)
	}
	got := w.trail()
	if len(got) != 4 || len(got[0].Digest) != 64 {
		w.Fatalf("the trail of an update: %+v", got)
	}
	about := ledger.TrailEntry{Team: "payments", Incident: "a", Update: u.ID, Event: "a-1"}
	came, approved, planned, closed := about, about, about, about
	kept, err := json.Marshal(terms())
	w.must(err)
	came.Seq, came.At, came.Kind, came.Digest, came.Texts = 2, at(1), ledger.TrailRecorded, got[0].Digest, w.digests()
	came.Terms = ledger.Digest(kept)
	approved.Seq, approved.At, approved.Kind = 3, at(1), ledger.TrailApproved
	planned.Seq, planned.At, planned.Kind, planned.Audience = 4, at(10), ledger.TrailPlanned, count(2)
	closed.Seq, closed.At, closed.Kind, closed.Audience = 5, at(21), ledger.TrailClosed, count(2)
	closed.Outcomes = []ledger.TrailOutcome{{Outcome: "reached", Channel: "email", Count: 1}, {Outcome: "unreachable", Count: 1}}
	w.equal("trail", got, []ledger.TrailEntry{came, approved, planned, closed})
}

func trailOfUntold(w *world) {
	old, newer := w.record(update("a", 1), ledger.Held), w.record(update("a", 2), ledger.Held)
	w.must(w.approve(newer, "ana", at(7)))
	w.wantErr(w.approve(old, "bob", at(8)), ledger.ErrStale)
	w.record(update("a", 0), ledger.NotAnnounced)
	w.wantErr(w.approve(newer, "bob", at(9)), ledger.ErrConflict)
	got := w.trail()
	var said []string
	for _, e := range got {
		said = append(said, fmt.Sprint(e.Update, " ", e.Kind, " ", e.By, " ", e.Why))
	}
	w.equal("what the trail says", said, []string{
		"1 update_recorded  ", "2 update_recorded  ", "2 approval ana ", "2 approved ana ", "1 not_announced  older than update 2, which was approved before it",
		"3 update_recorded  ", "3 not_announced  ",
	})
	// An audience of nobody is planned and closed in one.
	next, err := w.NextToPlan(w.ctx, 0)
	w.must(err)
	w.must(w.CommitPage(w.ctx, ledger.Page{Update: next.ID, Cursor: 1, Last: true, Now: at(10)}))
	got = w.trail()[7:]
	if len(got) != 2 || got[0].Kind != ledger.TrailPlanned || got[1].Kind != ledger.TrailClosed || *got[1].Audience != 0 || got[1].Outcomes != nil {
		w.Errorf("the trail of an update for nobody: %+v", got)
	}
}

func trailOfFolds(w *world) {
	order := ledger.OrderEntry("payments", "a", 7, "pause", "ana", "the provider asks", at(5))
	w.apply(ledger.Fold{Now: at(5), Trail: []ledger.TrailEntry{order}})
	w.apply(ledger.Fold{Now: at(6)})
	r := ledger.Rejection{Team: "payments", At: at(6), Faults: []incident.Fault{}, Body: []byte("{")}
	w.must(w.RecordRejection(w.ctx, r))
	w.must(w.RecordRejection(w.ctx, r)) // kept once, entered once
	order.Seq = 2
	w.equal("trail", w.trail(), []ledger.TrailEntry{order, {Seq: 3, At: at(6), Kind: ledger.TrailRejected, Team: "payments", Digest: ledger.RejectionDigest(&r)}})
}

// trailWithFact: what was not committed is not in the trail.
func trailWithFact(w *world) {
	w.people(1)
	_, ns := w.announce(update("a", 1), 1)
	before := w.trail()
	stale := ns[0]
	stale.Version += 5
	f := ledger.Fold{Now: at(20), Trail: []ledger.TrailEntry{ledger.OrderEntry("payments", "a", 1, "pause", "ana", "", at(20))}}
	change(&f, stale, giveUp(notification.Rejected, at(20)))
	w.wantErr(w.Apply(w.ctx, f), ledger.ErrConflict)
	refused := errors.New("refused")
	_, err := w.RecordUpdate(w.ctx, update("a", 2), func(*incident.Incident) (ledger.NewUpdate, error) { return ledger.NewUpdate{}, refused })
	w.wantErr(err, refused)
	w.equal("trail after what came to nothing", w.trail(), before)
}

// trailBesideWriters: whoever writes at once appends one after the other.
func trailBesideWriters(w *world) {
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for j := range 5 {
				r := ledger.Rejection{Team: fmt.Sprint("team-", i), At: at(j), Faults: []incident.Fault{}, Body: []byte{byte(j)}}
				if err := w.RecordRejection(w.ctx, r); err != nil {
					w.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if got := w.trail(); len(got) != 20 {
		w.Errorf("%d entries, want 20", len(got))
	}
}

// read gives what f reads of a view.
func read[T any](w *world, f func(ledger.View) (T, error)) (got T) {
	w.Helper()
	w.must(w.View(w.ctx, func(v ledger.View) (err error) {
		got, err = f(v)
		return err
	}))
	return got
}

// viewOfOneMoment: what is read through a view does not change while it is open.
func viewOfOneMoment(w *world) {
	w.people(2)
	u, ns := w.announce(update("a", 1), 2)
	w.must(w.View(w.ctx, func(v ledger.View) error {
		before, err := v.Tallies(w.ctx, u.ID)
		w.must(err)
		f := ledger.Fold{Now: at(20)}
		change(&f, ns[0], reach("email", notification.Delivered, at(20)))
		w.apply(f)
		after, err := v.Tallies(w.ctx, u.ID)
		w.must(err)
		w.equal("tallies in the view", after, before)
		all, _, err := v.NotificationsOf(w.ctx, []int64{u.ID}, 0, 10)
		w.must(err)
		w.equal("notifications in the view", all, ns)
		return nil
	}))
	after := read(w, func(v ledger.View) ([]ledger.Tally, error) { return v.Tallies(w.ctx, u.ID) })
	if len(after) != 5 {
		w.Errorf("tallies afterwards: %+v", after)
	}
	broken := errors.New("broken off")
	w.wantErr(w.View(w.ctx, func(ledger.View) error { return broken }), broken)
}

func viewReads(w *world) {
	w.people(3)
	u, ns := w.announce(update("a", 1), 2)
	w.record(update("b", 1), ledger.Held)
	w.must(w.MarkSent(w.ctx, []int64{ns[0].Attempt.Batch}, at(11)))
	w.must(w.DeleteRecipient(w.ctx, "c-002"))
	f := ledger.Fold{Now: at(20)}
	one := ns[0].Attempt.Batch
	change(&f, ns[0], next(notification.Failed, "550", at(20)))
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[0])}
	f.Deadlines = []ledger.Deadline{{Batch: one, Due: at(80)}, {Batch: one, Kind: ledger.Bounce, Due: at(90)}, {Batch: one + 8, Due: at(70)}}
	w.apply(f)
	two := w.of(u.ID)[0].Attempt.Batch

	keys := read(w, func(v ledger.View) ([]ledger.IncidentKey, error) { return v.Incidents(w.ctx) })
	w.equal("incidents", keys, []ledger.IncidentKey{{Team: "payments", Incident: "a"}, {Team: "payments", Incident: "b"}})
	us := read(w, func(v ledger.View) ([]ledger.KeptUpdate, error) { return v.KeptUpdates(w.ctx, keys[0]) })
	is, err := w.Update(w.ctx, u.ID)
	w.must(err)
	if len(us) != 1 || us[0].Open != 2 || ledger.Digest(us[0].Value) != w.trail()[0].Digest {
		w.Fatalf("updates of the first: %+v", us)
	}
	w.equal("update", us[0].Update, is)
	none := read(w, func(v ledger.View) ([]ledger.KeptUpdate, error) {
		return v.KeptUpdates(w.ctx, ledger.IncidentKey{Team: "payments", Incident: "z"})
	})
	w.equal("updates of no incident", none, []ledger.KeptUpdate{})
	frozen, err := ledger.Freeze(texts())
	w.must(err)
	w.equal("texts", read(w, func(v ledger.View) ([]ledger.FrozenText, error) { return v.KeptTexts(w.ctx, u.ID) }), frozen)

	first, second := ledger.KeptBatch{ID: one, BatchHead: head(u.ID, "email"), Members: []int64{ns[0].ID, ns[1].ID}, SentAt: at(11)},
		ledger.KeptBatch{ID: two, BatchHead: f.Batches[0].BatchHead, Members: []int64{ns[0].ID}, Items: 1}
	byID := read(w, func(v ledger.View) ([]ledger.KeptBatch, error) {
		return v.BatchesByID(w.ctx, []int64{two, one, two + 75})
	})
	w.equal("batches by id", byID, []ledger.KeptBatch{first, second})
	of := func(update, after int64) []ledger.KeptBatch {
		return read(w, func(v ledger.View) ([]ledger.KeptBatch, error) { return v.BatchesOf(w.ctx, update, after, 1) })
	}
	w.equal("the first batch of the update", of(u.ID, 0), []ledger.KeptBatch{first})
	w.equal("the one after it", of(u.ID, one), []ledger.KeptBatch{second})
	w.equal("those of an update that has none", of(u.ID+1, 0), []ledger.KeptBatch{})

	due := func(after int64) []ledger.Deadline {
		return read(w, func(v ledger.View) ([]ledger.Deadline, error) { return v.Deadlines(w.ctx, after, 1) })
	}
	w.equal("deadlines of the first batch", due(0), f.Deadlines[:2])
	w.equal("deadlines after it", due(one), f.Deadlines[2:])
	awaited := read(w, func(v ledger.View) ([]int64, error) { return v.AwaitedBatches(w.ctx, []int64{one + 8, two, one}) })
	w.equal("batches with deadlines", awaited, []int64{one, one + 8})

	rs := read(w, func(v ledger.View) ([]ledger.Recipient, error) { return v.RecipientsKept(w.ctx, []int64{2, 1}) })
	if len(rs) != 2 || rs[0].ID != "c-001" || rs[1].ID != "c-002" || rs[1].Consents != nil {
		w.Errorf("recipients, the second deleted: %+v", rs)
	}
	links := read(w, func(v ledger.View) ([]ledger.TrailLink, error) { return v.TrailOf(w.ctx, u.ID) })
	if len(links) != 3 || links[0].Kind != ledger.TrailRecorded || links[2].Kind != ledger.TrailPlanned {
		w.Errorf("links about the update: %+v", links)
	}
	all := read(w, func(v ledger.View) ([]ledger.TrailLink, error) { return v.Trail(w.ctx, 1, 3) })
	w.equal("links after the first", all, links)
}

// viewPages: recipients come in order of their numbers, with what all updates have for them, and gaps
// are passed over.
func viewPages(w *world) {
	w.people(9)
	one := w.begin(update("a", 1))
	p := page(one, 1, 2, true)
	p.Cursor = 9
	p.Notifications[1].Recipient = 9
	w.must(w.CommitPage(w.ctx, p))
	two, _ := w.announce(update("a", 2), 3)
	w.announce(update("b", 1), 3)
	f := ledger.Fold{Now: at(20)}
	change(&f, w.of(one.ID)[0], next(notification.Expired, "", at(20)))
	f.Batches = []ledger.AttemptBatch{further(&f.Changed[0])}
	w.apply(f)
	var got []string
	w.must(w.View(w.ctx, func(v ledger.View) error {
		pending, err := v.PendingSupersession(w.ctx, two.ID)
		w.must(err)
		settled, err := v.PendingSupersession(w.ctx, one.ID)
		w.must(err)
		if !pending || settled {
			w.Errorf("pages wait to supersede: %v for the second update, %v for the first", pending, settled)
		}
		for after := int64(0); ; {
			ns, next, err := v.NotificationsOf(w.ctx, []int64{two.ID, one.ID}, after, 2)
			w.must(err)
			if len(ns) == 0 {
				return nil
			}
			for _, n := range ns {
				got = append(got, fmt.Sprint(n.Recipient, " of ", n.Update-one.ID+1, " after ", len(n.Past)))
			}
			after = next
		}
	}))
	w.equal("who is told of what", got, []string{"1 of 1 after 1", "1 of 2 after 0", "2 of 2 after 0", "3 of 2 after 0", "9 of 1 after 0"})
}
