package fallback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// budget is what an incident may spend where no operator says otherwise: too little.
const budget = 2

// blankLedger makes an empty ledger, to be copied.
func blankLedger(t *testing.T) string {
	path := filepath.Join(scratch(t), "blank.db")
	l, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// scratch is a directory that ends with the test, in memory where there is such a place: thousands of
// transactions would otherwise wait for the disk, each by itself.
func scratch(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "tocsin-model")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// openCopy opens a copy of a ledger that nobody has open, in a directory of its own.
func openCopy(t *rapid.T, of string) (l *sqlite.Ledger, dir string) {
	dir, err := os.MkdirTemp(filepath.Dir(of), "play")
	if err == nil {
		err = copyFile(filepath.Join(dir, "ledger.db"), of)
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err = sqlite.Open(context.Background(), filepath.Join(dir, "ledger.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return l, dir
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// people fills the directory.
func (p *play) people(n int) {
	for i := range n {
		p.consents = append(p.consents, map[string]bool{"viber": true, "telegram": true, "email": true, "sms": true})
		p.moves = append(p.moves, 0)
		p.enter(i)
	}
}

// enter writes a recipient into the directory as they are.
func (p *play) enter(i int) {
	r := audience.Recipient{ID: fmt.Sprint("c", i+1), Name: "Ana", Locale: "ro"}
	for _, c := range p.rules.Channels {
		r.Addresses = append(r.Addresses, audience.Address{Channel: c.Name, Address: fmt.Sprint(c.Name, i, "-", p.moves[i])})
		if p.consents[i][c.Name] {
			r.Consents = append(r.Consents, c.Name)
		}
	}
	slices.SortFunc(r.Addresses, func(a, b audience.Address) int { return cmp.Compare(a.Channel, b.Channel) })
	p.must(p.ledger.PutRecipients(p.Context(), []audience.Recipient{r}))
}

// directory has a recipient change their mind about a channel, or their addresses.
func (p *play) directory(t *rapid.T) {
	i := rapid.IntRange(0, len(p.consents)-1).Draw(t, "recipient")
	if rapid.IntRange(0, 2).Draw(t, "moves") == 0 {
		p.moves[i]++
	} else {
		c := rapid.SampledFrom([]string{"viber", "email", "sms"}).Draw(t, "channel")
		p.consents[i][c] = !p.consents[i][c]
	}
	p.enter(i)
}

// announce takes news in: of one of two incidents, sometimes a correction.
func (p *play) announce(t *rapid.T) {
	if len(p.updates) >= 6 { // Skip of rapid's: here, and wherever the model can't do this now, it draws another action
		t.Skip("there is enough news")
	}
	u := incident.Update{Source: "s", EventID: fmt.Sprint("e", len(p.updates)+1), Time: time.Now(), Data: incident.Data{
		Team: "payments", Incident: rapid.SampledFrom([]string{"cards", "cards", "atm"}).Draw(t, "incident"),
		Kind: incident.Outage, Status: incident.Identified, Impact: incident.Major, StartedAt: time.Now(),
	}}
	for _, before := range p.updates {
		if before.Incident == u.Incident && rapid.IntRange(0, 3).Draw(t, "correction") == 0 {
			u.Status, u.Corrects = incident.Correction, before.EventID
		}
	}
	p.updates = append(p.updates, u)
	p.take(u)
}

func (p *play) take(u incident.Update) {
	var texts []ledger.Text
	for _, k := range []channels.Kind{channels.Messenger, channels.Email, channels.SMS} {
		x := ledger.Text{Kind: k, Locale: "ro", Content: notification.Content{Text: notification.Literal("news")}}
		if k == channels.SMS {
			x.Units = 1
		}
		texts = append(texts, x)
	}
	_, err := p.ledger.RecordUpdate(p.Context(), u, func(*incident.Incident) (ledger.NewUpdate, error) {
		return ledger.NewUpdate{
			Update: u, Incident: incident.Incident{Team: u.Team, ID: u.Incident, Kind: u.Kind, Status: u.Status},
			State: ledger.Approved, ReceivedAt: time.Now(), Texts: texts,
		}, nil
	})
	p.must(err)
}

// cascades are those that recipients may have.
var cascades = [][]string{{"viber", "sms"}, {"viber", "email", "sms"}, {"email", "sms"}, {"telegram", "sms"}, {"sms", "viber"}, {"viber"}, {"sms"}, {"email"}}

// plan does the planner's work on one page, which may be of some only.
func (p *play) plan(t *rapid.T) {
	u, err := p.ledger.NextToPlan(p.Context(), 0)
	if errors.Is(err, ledger.ErrNotFound) {
		t.Skip("there is nothing to plan")
	}
	p.must(err)
	p.page(u, rapid.IntRange(1, 4).Draw(t, "page"), func() []string {
		if rapid.IntRange(0, 4).Draw(t, "not affected") == 0 {
			return nil
		}
		return rapid.SampledFrom(cascades).Draw(t, "cascade")
	})
}

// news is announced, and its planning begun.
func (p *play) news(t *rapid.T) {
	p.announce(t)
	if _, err := p.ledger.NextToPlan(p.Context(), 0); err == nil {
		p.plan(t)
	}
}

// begin has the lanes hold something from the start.
func (p *play) begin() {
	p.announce(p.T)
	p.plan(p.T)
	p.handOver(p.T)
}

// page commits a page of recipients, with the cascades given; whose is empty isn't told.
func (p *play) page(u ledger.Update, size int, cascade func() []string) {
	ctx := p.Context()
	rs, err := p.ledger.RecipientsAfter(ctx, u.Cursor, u.Until, size, nil)
	if u.RetryOf != 0 {
		rs, err = p.ledger.UnreachedAfter(ctx, u.RetryOf, u.Cursor, u.Until, size)
	}
	p.must(err)
	page := ledger.Page{Update: u.ID, From: u.Cursor, Cursor: u.Cursor, Last: len(rs) < size, Now: time.Now()}
	for _, r := range rs {
		page.Cursor = r.Number
		if steps := cascade(); len(steps) > 0 {
			p.invite(&page, &r, steps)
		}
	}
	p.must(p.ledger.CommitPage(ctx, page))
}

// invite adds somebody to a page, with those of the steps that can be used, in a batch of their own.
func (p *play) invite(page *ledger.Page, r *ledger.Recipient, steps []string) {
	usable := slices.DeleteFunc(slices.Clone(steps), func(c string) bool { return p.rules.Usable(&r.Recipient, c) != notification.NoReason })
	n := ledger.NewNotification{Recipient: r.Number, Locale: "ro", Steps: notification.Steps(usable...)}
	if len(usable) == 0 {
		n.Outcome, n.Reason = notification.Unreachable, notification.NoAddress
		page.Notifications = append(page.Notifications, n)
		return
	}
	i := len(page.Notifications)
	page.Notifications = append(page.Notifications, n)
	kind, _ := p.rules.Kind(usable[0])
	item := ledger.Item{Address: r.Address(usable[0])}
	if last := len(page.Batches) - 1; last >= 0 {
		if b := &page.Batches[last]; b.To == i && b.Batch.Channel == usable[0] && b.Batch.Last == (len(usable) == 1) {
			b.To, b.Items = i+1, append(b.Items, item)
			return
		}
	}
	page.Batches = append(page.Batches, ledger.NewBatch{From: i, To: i + 1, Items: []ledger.Item{item}, Batch: ledger.BatchHead{
		Update: page.Update, Channel: usable[0], Kind: kind, Locale: "ro", Priority: notification.Urgent, Last: len(usable) == 1,
		GivenUp: p.policy.GivenUp(usable[0], page.Now, page.Now),
	}})
}

// order gives an operator's order, and perhaps one of before once more.
func (p *play) order(t *rapid.T) {
	if len(p.updates) == 0 {
		t.Skip("there is nothing to give orders about")
	}
	o := ledger.Order{ID: fmt.Sprint("o", len(p.orders)), By: "Ana", Why: "a reason", At: time.Now()}
	o.Verb = rapid.SampledFrom([]ledger.Verb{ledger.Pause, ledger.Resume, ledger.Resume, ledger.Cancel, ledger.Recall, ledger.Recall, ledger.Retry, ledger.Move, ledger.Budget}).Draw(t, "verb")
	o.Team, o.Incident = "payments", p.updates[rapid.IntRange(0, len(p.updates)-1).Draw(t, "incident")].Incident
	switch o.Verb {
	case ledger.Retry, ledger.Cancel:
		o.Team, o.Incident, o.Update = "", "", int64(rapid.IntRange(1, len(p.updates)).Draw(t, "update"))
	case ledger.Recall:
		p.wanted(&o)
	case ledger.Move:
		o.Channel = rapid.SampledFrom([]string{"viber", "email", "sms"}).Draw(t, "channel")
	case ledger.Budget:
		o.Segments = int64(rapid.IntRange(1, 6).Draw(t, "segments"))
	}
	p.orders = append(p.orders, o)
	p.obeyed(o)
	p.obeyed(p.orders[rapid.IntRange(0, len(p.orders)-1).Draw(t, "again")])
}

func (p *play) obeyed(o ledger.Order) {
	p.must(p.engines[0].obey(p.Context(), o))
	p.finish(p.engines[0], p.errands())
}

// deliver has an engine hear some of what was said, in any order, perhaps not for the first time.
func (p *play) deliver(t *rapid.T) {
	if len(p.letters) == 0 {
		t.Skip("nothing was said")
	}
	p.work(p.hearing(p.some()))
}

func (p *play) some() []*letter {
	unheard := slices.DeleteFunc(slices.Clone(p.letters), func(l *letter) bool { return l.heard })
	if len(unheard) == 0 || rapid.IntRange(0, 5).Draw(p.T, "again") == 0 {
		unheard = p.letters
	}
	all := make([]*letter, rapid.IntRange(1, 4).Draw(p.T, "letters"))
	for i := range all {
		all[i] = unheard[rapid.IntRange(0, len(unheard)-1).Draw(p.T, "letter")]
	}
	return all
}

func (p *play) hearing(ls []*letter) task {
	ds := make([]delivery, len(ls))
	for i := range ls {
		ds[i] = ls[i].delivery
	}
	return task{
		do: func(ctx context.Context, e *Engine) error { return e.foldDeliveries(ctx, ds) },
		committed: func() {
			for _, l := range ls {
				p.hears(l)
			}
		},
		done: func() {
			for _, l := range ls {
				l.heard = true
			}
		},
	}
}

// judging judges as of the moment up to which everything has been heard.
func (p *play) judging(by time.Time) task {
	return task{
		do:        func(ctx context.Context, e *Engine) error { return e.judge(ctx, by) },
		committed: func() {},
		done:      func() { p.judged = by },
	}
}

func (p *play) heardUntil() time.Time {
	by := time.Now()
	for _, l := range p.letters {
		if !l.heard && l.at.Before(by) {
			by = l.at
		}
	}
	return by
}

func (p *play) superseding() task {
	return task{do: func(ctx context.Context, e *Engine) error { return e.supersede(ctx) }, committed: func() {}, done: func() {}}
}

func (p *play) errands() task {
	return task{do: func(ctx context.Context, e *Engine) error { return e.runErrands(ctx) }, committed: func() {}, done: func() {}}
}

// anyTask is something that an engine may be at while another one is at work.
func (p *play) anyTask() task {
	switch what := rapid.SampledFrom([]string{"hear", "hear", "judge", "supersede"}).Draw(p.T, "meanwhile"); {
	case what == "hear" && len(p.letters) > 0:
		return p.hearing(p.some())
	case what == "judge":
		return p.judging(p.heardUntil())
	default:
		return p.superseding()
	}
}

// pass lets time pass. What newer news and operators want stopped is stopped before, and after it deadlines
// are judged: engines do both four times a second.
func (p *play) pass(t *rapid.T) {
	p.work(p.superseding())
	p.work(p.errands())
	time.Sleep(rapid.SampledFrom([]time.Duration{time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, time.Hour}).Draw(t, "time"))
	p.finish(p.engines[0], p.superseding())
	if rapid.IntRange(0, 3).Draw(t, "hasty") == 0 { // what was said is still on its way
		p.work(p.judging(time.Now()))
		return
	}
	p.work(p.judging(p.heardUntil()))
}
