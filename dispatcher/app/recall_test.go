package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/messenger/telegram"
	telegramsim "github.com/tocsin-dev/tocsin/channels/messenger/telegram/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/social/mastodon"
	mastodonsim "github.com/tocsin-dev/tocsin/channels/social/mastodon/sim"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// callable is a town with two providers that can take messages back, beside those that can't.
type callable struct {
	*town
	far *sandbox.Server
	// chats are those where Telegram takes messages; texts are the numbers of whoever it refuses, and of
	// whoever prefers SMS.
	chats, texts []string
	post         string // the public account
}

// newCallable has people on Telegram with SMS behind it, some whom Telegram refuses, two by email, two by SMS
// and a public account on Mastodon.
func newCallable(t *testing.T) *callable {
	sims := []sandbox.Simulator{mastodonsim.Simulator(), telegramsim.Simulator()}
	w := &callable{far: newNetworks(t, sims), post: sims[0].Accounts[0]}
	w.far.Desk("telegram").SetConduct(sandbox.Conduct{ByDigit: true})
	w.town = newTownOf(t, clock.Clock{}, append(specs(), mastodon.Spec(), telegram.Spec()), func(cfg map[string]any) {
		addAccounts(cfg, w.far, sims[:1])
		cfg["channels"].(map[string]any)["telegram"] = map[string]any{
			"provider": "telegram", "wait": "10s", "bounce_window": "100ms", "rate": 0, "settings": sims[1].Settings(w.far.Endpoints()["telegram"]),
		}
		atOnce(cfg)
	})
	var lines []string
	for i := range 24 {
		chat, number := fmt.Sprintf("7770%02d1", i), fmt.Sprintf("+37369010%02d0", i)
		if i%8 == 7 {
			chat = fmt.Sprintf("7770%02d9", i)
			w.texts = append(w.texts, number)
		} else {
			w.chats = append(w.chats, chat)
		}
		lines = append(lines, customer(fmt.Sprint("t", i), "telegram", number, chat))
	}
	for i := range 2 {
		number := fmt.Sprintf("+3736902000%d", i)
		w.texts = append(w.texts, number)
		lines = append(lines, customer(fmt.Sprint("s", i), "sms", number, number),
			customer(fmt.Sprint("m", i), "email", fmt.Sprintf("+3736903000%d", i), fmt.Sprintf("good.%d@example.com", i)))
	}
	w.customers(lines...)
	return w
}

// everybody is how many hear of an update: those by email too, and the public account.
func (w *callable) everybody() int64 { return int64(len(w.chats) + len(w.texts) + 2 + 1) }

// recall gives an order about the whole incident, or one update of it, and waits until every provider has
// answered: to as many as are asked in all, so far.
func (w *town) recall(update int64, asked int64) ledger.OrderReport {
	w.t.Helper()
	o := ledger.Order{ID: fmt.Sprint("recall-", update), Verb: ledger.Recall, Update: update, By: "Ana Rusu", Why: "the wrong region"}
	if update == 0 {
		o.Team, o.Incident = "ops", "night"
	}
	done, err := w.client.Order(w.t.Context(), o)
	if err != nil || done.Refused {
		w.t.Fatalf("order %+v, %v", done, err)
	}
	for limit := time.Now().Add(time.Minute); ; {
		r, err := w.client.Report(w.t.Context(), "ops", "night")
		if err == nil && answered(&r) == asked {
			return done
		}
		if time.Now().After(limit) {
			w.t.Fatalf("%d recalls are answered, want %d: %+v, %v", answered(&r), asked, r, err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-w.t.Context().Done():
		}
	}
}

// answered counts the messages of an incident that are known to be taken back, or to stay.
func answered(r *ledger.Report) (n int64) {
	for i := range r.Updates {
		for j := range r.Updates[i].Channels {
			n += r.Updates[i].Channels[j].Recalled + r.Updates[i].Channels[j].RecallKept
		}
	}
	return n
}

// mustSay checks what providers counted for every address, and that nothing else was taken back anywhere.
func (w *callable) mustSay(accepted, recalled int) {
	w.t.Helper()
	check := func(far *sandbox.Server, provider string, addresses []string, recalled int) {
		w.t.Helper()
		found := map[string]sandbox.Tally{}
		far.Desk(provider).Each(func(address string, n sandbox.Tally) { found[address] = n })
		for _, a := range addresses {
			if n := found[a]; n.Accepted != accepted || n.Recalled != recalled || n.Repeats != 0 {
				w.t.Errorf("%s counts %+v for %s, want %d accepted and %d recalled", provider, n, a, accepted, recalled)
			}
		}
		if total := far.Desk(provider).Total(); total.Accepted != accepted*len(addresses) || total.Recalled != recalled*len(addresses) {
			w.t.Errorf("%s counts %+v in all, for %d addresses", provider, total, len(addresses))
		}
	}
	check(w.far, "telegram", w.chats, recalled)
	check(w.far, "mastodon", []string{w.post}, recalled)
	check(w.sandbox, "twilio", w.texts, 0)
	check(w.sandbox, "smtp", []string{"good.0@example.com", "good.1@example.com"}, 0)
}

// mustReport checks that the report tells of an update what the providers counted.
func (w *callable) mustReport(u *ledger.UpdateReport, recalled bool) {
	w.t.Helper()
	if b := u.Balance; !b.OK || b.Reached != w.everybody() || b.Audience != b.Reached {
		w.t.Errorf("update %d: balance %+v, want %d reached", u.ID, b, w.everybody())
	}
	want := map[string][2]int64{"telegram": {int64(len(w.chats)), 0}, "mastodon": {1, 0}, "sms": {int64(len(w.texts)), 0}, "email": {2, 0}}
	if recalled {
		want["telegram"], want["mastodon"] = [2]int64{int64(len(w.chats)), int64(len(w.chats))}, [2]int64{1, 1}
	}
	for _, c := range u.Channels {
		if got := [2]int64{c.Accepted, c.Recalled}; got != want[c.Channel] || c.RecallAsked != c.Recalled || c.RecallKept != 0 {
			w.t.Errorf("update %d: %+v, want of accepted and recalled %v", u.ID, c, want[c.Channel])
		}
		delete(want, c.Channel)
	}
	if len(want) > 0 {
		w.t.Errorf("update %d: nothing is said of %v", u.ID, want)
	}
}

// TestRecalledIncident: what was told is taken back where its provider can, and stays where it can't;
// nobody hears of it once more. News after it comes to everybody, in a thread of its own; taken back by its
// number, it leaves in turn, and nothing that was recalled before is asked for again.
func TestRecalledIncident(t *testing.T) {
	w := newCallable(t)
	w.publish(incident.Investigating, 1, nil)
	w.report(1)
	w.mustSay(1, 0)
	back := int64(len(w.chats) + 1)
	w.recall(0, back)
	w.mustSay(1, 1)
	r := w.report(1)
	w.mustReport(&r.Updates[0], true)

	w.publish(incident.Identified, 2, nil)
	r = w.report(2)
	w.mustSay(2, 1)
	w.mustReport(&r.Updates[1], false)
	w.publish(incident.Resolved, 3, func(u *incident.Update) { u.ResolvedAt = &u.Time })
	r = w.report(3)
	w.mustSay(3, 1)
	posts := w.far.Desk("mastodon").Messages()
	slices.SortFunc(posts, func(a, b sandbox.Message) int { return a.At.Compare(b.At) })
	if posts[0].ReplyTo != "" || posts[1].ReplyTo != "" || posts[2].ReplyTo == "" {
		t.Errorf("posts reply to %q, %q and %q; want the last to reply to the second, the first is gone", posts[0].ReplyTo, posts[1].ReplyTo, posts[2].ReplyTo)
	}

	w.recall(r.Updates[2].ID, 2*back)
	w.mustSay(3, 2)
	r = w.report(3)
	for i, recalled := range []bool{true, false, true} {
		w.mustReport(&r.Updates[i], recalled)
	}
	if done := r.Orders; len(done) != 2 || done[0].Refused || done[1].Refused {
		t.Errorf("orders %+v, want both carried out", done)
	}
}
