package ledgertest

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// reportByHand plays a small announcement whose figures were worked out by hand.
//
// Ten people by email, then sms, received at 18:00:01; the outage began at 17:50:00. At 18:00:20 the
// provider takes all ten mails. 1–4 are delivered at 18:00:31, …34; 5 expires and is reached by sms
// at 18:01:40, its mail is delivered at 18:02:00 all the same; 6 bounces, and its sms fails after it
// was taken; 7 bounces and its sms, sent again after a crash, is read at 18:01:50. 8 to 10 stay open.
func reportByHand(w *world) {
	w.people(10)
	u, ns := w.announce(update("a", 1), 10)
	step := func(now int, f ledger.Fold, by map[int]func(*notification.Notification)) {
		w.Helper()
		all := w.of(u.ID)
		for i := range all {
			if change1 := by[i+1]; change1 != nil {
				change(&f, all[i], change1)
				if n := &f.Changed[len(f.Changed)-1]; n.Attempt.Step > all[i].Attempt.Step {
					f.Batches = append(f.Batches, further(n))
				}
			}
		}
		f.Now = at(now)
		w.apply(f)
	}
	accepted := map[int]func(*notification.Notification){}
	for i := range ns {
		accepted[i+1] = func(n *notification.Notification) { n.Attempt.State, n.Attempt.Took = notification.Accepted, true }
	}
	step(20, ledger.Fold{}, accepted)
	for i := 1; i <= 4; i++ {
		step(30+i, ledger.Fold{}, map[int]func(*notification.Notification){i: reach("email", notification.Delivered, at(30+i))})
	}
	step(80, ledger.Fold{}, map[int]func(*notification.Notification){
		5: next(notification.Expired, "", at(80)), 6: next(notification.Failed, "550", at(80)), 7: next(notification.Failed, "550", at(80)),
	})
	step(100, ledger.Fold{}, map[int]func(*notification.Notification){
		5: reach("sms", notification.Delivered, at(100)),
		6: func(n *notification.Notification) {
			n.Attempt.Took = true
			giveUp(notification.Undelivered, at(100))(n)
		},
	})
	step(110, ledger.Fold{Repeated: []ledger.Occurrence{{Update: u.ID, Channel: "sms"}}}, map[int]func(*notification.Notification){7: reach("sms", notification.Read, at(110))})
	step(120, ledger.Fold{DoubleReached: []ledger.Occurrence{{Update: u.ID, Channel: "email"}}}, map[int]func(*notification.Notification){
		5: func(n *notification.Notification) { n.Past[0].State = notification.Delivered },
	})

	r, err := w.Report(w.ctx, "payments", "a")
	w.must(err)
	if r.Balanced || len(r.Updates) != 1 {
		w.Fatalf("three are open, yet: %+v", r)
	}
	got := r.Updates[0]
	w.equal("channels", got.Channels, []ledger.ChannelReport{
		{Channel: "email", Planned: 10, Attempts: 10, Accepted: 10, Delivered: 5, Failed: 2, Expired: 1, Reached: 4},
		{Channel: "sms", Attempts: 3, Accepted: 3, Delivered: 2, Read: 1, Failed: 1, Reached: 2, Fallback: 2},
	})
	w.equal("outcomes", got.Outcomes, []ledger.OutcomeCount{
		{Outcome: "open", Count: 3},
		{Outcome: "reached", Channel: "email", Proof: channels.Delivered, Count: 4},
		{Outcome: "reached", Channel: "sms", Proof: channels.Delivered, Count: 1},
		{Outcome: "reached", Channel: "sms", Proof: channels.Read, Count: 1},
		{Outcome: "unreachable", Reason: "undelivered", Count: 1},
	})
	w.equal("balance", got.Balance, ledger.Balance{Audience: 10, Reached: 6, Unreachable: 1, Open: 3, TalliesAgree: true})
	got.UpdateProgress, got.Channels, got.Outcomes, got.Balance = ledger.UpdateProgress{}, nil, nil, ledger.Balance{}
	// Reached after 30, 31, 32, 33, 99 and 109 s: the third of six, the sixth, the last. Three sms of
	// two segments each were taken.
	w.equal("figures", got, ledger.UpdateReport{ReachedByFallback: 2, Repeats: 1, DoubleReach: 1, P50: 32, P95: 109, Max: 109, Segments: 6})
	head, err := w.TrailHead(w.ctx)
	w.must(err)
	w.equal("head of the trail", r.TrailHead, head)
	r.Updates, r.TrailHead = nil, ledger.TrailHead{}
	w.equal("report", r, ledger.Report{
		Team: "payments", Incident: "a", Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Major,
		StartedAt: at(-600), FirstNoticeAt: at(20), FirstNotice: 620,
	})

	step(200, ledger.Fold{}, map[int]func(*notification.Notification){
		8: reach("email", notification.Accepted, at(200)), 9: giveUp(notification.Rejected, at(200)), 10: giveUp(notification.Rejected, at(200)),
	})
	if r, err = w.Report(w.ctx, "payments", "a"); err != nil || !r.Balanced || r.Updates[0].State != ledger.Closed {
		w.Errorf("all settled, yet: %+v, %v", r, err)
	}
}

func reportMaintenance(w *world) {
	w.people(1)
	u := update("a", 1)
	u.Kind, u.Status, u.StartedAt = incident.Maintenance, incident.Scheduled, at(86400)
	_, ns := w.announce(u, 1)
	var f ledger.Fold
	f.Now = at(30)
	change(&f, ns[0], reach("email", notification.Delivered, at(30)))
	w.apply(f)
	r, err := w.Report(w.ctx, "payments", "a")
	w.must(err)
	if r.FirstNotice != 0 || !r.FirstNoticeAt.Equal(at(30)) || !r.Balanced {
		w.Errorf("maintenance told ahead: %+v", r)
	}
}

func recipientReports(w *world) {
	w.people(3)
	u := w.begin(update("a", 1))
	p := page(u, 1, 2, true)
	p.Cursor = 3
	p.Notifications = append(p.Notifications, ledger.NewNotification{Recipient: 3, Locale: "ro", Outcome: notification.Suppressed, Reason: notification.NoConsent})
	w.must(w.CommitPage(w.ctx, p))
	w.announce(update("b", 1), 1)
	var f ledger.Fold
	f.Now = at(30)
	change(&f, w.of(u.ID)[0], reach("email", notification.Delivered, at(30)))
	w.apply(f)
	w.must(w.DeleteRecipient(w.ctx, "c-001")) // what became of them stays in the books, under their id
	var got []ledger.RecipientReport
	for r, err := range w.RecipientReports(w.ctx, "payments", "a") {
		w.must(err)
		got = append(got, r)
	}
	w.equal("what became of each", got, []ledger.RecipientReport{
		{Update: u.ID, Recipient: "c-001", Outcome: "reached", Channel: "email", Proof: "delivered", SettledAt: at(30)},
		{Update: u.ID, Recipient: "c-002", Outcome: "open", Proof: "none", SettledAt: time.Time{}},
		{Update: u.ID, Recipient: "c-003", Outcome: "suppressed", Reason: "no_consent", Proof: "none", SettledAt: at(10)},
	})
}
