package fallback

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// twoProviders is a policy under which viber has two providers.
func twoProviders(wait time.Duration) notification.Policy {
	return notification.Policy{RetryEvery: 30 * time.Second, Channels: map[string]notification.ChannelPolicy{
		"email": {Wait: wait, Proof: channels.Delivered, Silence: channels.SilenceIsPresumed, Providers: []string{"smtp"}},
		"sms":   {Wait: wait, Proof: channels.Delivered, Providers: []string{"p"}},
		"viber": {Wait: wait, Proof: channels.Delivered, ByID: true, Providers: []string{"one", "two"}},
	}}
}

// TestBurstIsNoSilence: the receipts of a burst come within a minute, its silence half an hour later,
// and both count at the same time, in large batches and in small ones.
func TestBurstIsNoSilence(t *testing.T) {
	for _, size := range []int{1, 7, 256} {
		h := newHealth(twoProviders(30 * time.Minute))
		one, two := providerKey{"viber", "one"}, providerKey{"viber", "two"}
		*h.providers[one] = usual(10, now)
		at, batch := now, int64(0)
		quiet := map[int64]map[int64]bool{}
		for n := range int64(2000 / size) {
			batch, at = n+1, at.Add(10*time.Millisecond)
			var s signs
			for i := range int64(size) {
				id := n*int64(size) + i
				s.gave(one, batch, id)
				if id%10 == 0 {
					if quiet[batch] == nil {
						quiet[batch] = map[int64]bool{}
					}
					quiet[batch][id] = true
				} else {
					s.hear(one, batch)
				}
			}
			h.observe(&s, at)
		}
		for minute := range 60 {
			at := now.Add(time.Duration(minute) * time.Minute)
			var s signs
			if minute >= 31 {
				for b := range quiet {
					s.judged = append(s.judged, b)
				}
				s.quiet, quiet = quiet, nil
			}
			s.hear(two, 0) // somebody else is heard all the time
			h.observe(&s, at)
			if h.judge(at); h.providers[one].stopped {
				t.Fatalf("batches of %d: stopped after %d minutes, for %+v", size, minute, h.providers[one].by)
			}
		}
		if n := h.providers[one].history.All; n < 2000 || len(h.pending) != 0 {
			t.Errorf("batches of %d: the history knows %v attempts, %d batches are left", size, n, len(h.pending))
		}
	}
}

// TestSampleIsBounded: what is never counted is given up, and makes room.
func TestSampleIsBounded(t *testing.T) {
	h := newHealth(twoProviders(time.Minute))
	one := providerKey{"viber", "one"}
	give := func(batch int64, at time.Time) {
		var s signs
		s.gave(one, batch, batch)
		s.gave(providerKey{"viber", "removed"}, batch, batch)
		h.observe(&s, at)
	}
	for batch := range int64(2 * maxCohorts) {
		give(batch, now)
	}
	if len(h.pending) != maxCohorts {
		t.Errorf("%d batches are kept, want %d", len(h.pending), maxCohorts)
	}
	later := now.Add(time.Minute + abandoned + time.Second)
	h.judge(later)
	if give(1, later); len(h.pending) != 1 {
		t.Errorf("%d batches are kept, want the new one", len(h.pending))
	}
}

// TestWitness: what changes of a notification tell, and of whom.
func TestWitness(t *testing.T) {
	e := &Engine{Policy: twoProviders(time.Minute)}
	at := func(channel string, s notification.State, id string) notification.Notification {
		n := on(channel, s)
		n.Attempt.ProviderID, n.Attempt.Took = id, id != ""
		return n
	}
	two := func(k notification.EventKind) notification.Event {
		ev := first(k)
		ev.Provider = "two"
		return ev
	}
	key := providerKey{"viber", "two"}
	for _, tt := range []struct {
		name               string
		n                  notification.Notification
		ev                 notification.Event
		took, heard, quiet int
	}{
		{"taken", at("viber", notification.Queued, ""), two(notification.ResultAccepted), 1, 0, 0},
		{"taken again", at("viber", notification.Accepted, "two|"), two(notification.ResultAccepted), 0, 0, 0},
		{"heard", at("viber", notification.Accepted, "two|"), two(notification.ReceiptDelivered), 0, 1, 0},
		{"heard before its result", at("viber", notification.Queued, ""), two(notification.ReceiptDelivered), 1, 1, 0},
		{"heard again", at("viber", notification.Delivered, "two|"), two(notification.ReceiptRead), 0, 0, 0},
		{"heard of its failure", at("viber", notification.Accepted, "two|"), two(notification.ReceiptFailed), 0, 1, 0},
		{"heard late", at("viber", notification.Expired, "two|"), two(notification.ReceiptDelivered), 0, 1, 0},
		{"silent", at("viber", notification.Accepted, "two|x"), first(notification.SilencePassed), 0, 0, 1},
		{"in doubt and silent", at("viber", notification.Unknown, "two|"), first(notification.SilencePassed), 0, 0, 0},
		{"refused", at("viber", notification.Queued, ""), two(notification.ResultFailed), 0, 0, 0},
		{"given back", at("viber", notification.Queued, ""), first(notification.ResultReturned), 0, 0, 0},
		{"no receipts expected", at("email", notification.Queued, ""), two(notification.ResultAccepted), 0, 0, 0},
	} {
		f := newFold(e)
		c := Decide(tt.n, tt.ev, e.Policy, now)
		f.witness(&tt.n, &c.Notification, tt.ev)
		if got := len(f.signs.took[key][3]); got != tt.took {
			t.Errorf("%s: %d taken, want %d", tt.name, got, tt.took)
		}
		if got := f.signs.heard[key][3]; got != tt.heard {
			t.Errorf("%s: %d heard, want %d", tt.name, got, tt.heard)
		}
		if got := len(f.signs.quiet[3]); got != tt.quiet {
			t.Errorf("%s: %d silent, want %d", tt.name, got, tt.quiet)
		}
	}
}

// words collects what is said in the control bucket.
type words struct {
	mu   sync.Mutex
	last map[string]string
}

func (w *words) hear(key string, value []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[key] = string(value)
}

func (w *words) of(key string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[key]
}

func (w *words) state(channel, name string) bus.HealthState {
	w.mu.Lock()
	defer w.mu.Unlock()
	var said bus.Health
	_ = json.Unmarshal([]byte(w.last[bus.HealthKey(channel, name)]), &said)
	return said.State
}

// watchWords follows the control bucket until the test ends.
func (w *world) watchWords() *words {
	said := &words{last: map[string]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.bus.Watch(ctx, []string{">"}, said.hear) }()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("Watch: %v", err)
		}
	})
	return said
}

// TestEngineTellsWhoseReceiptsStop lets one of two providers take sixty messages in silence, and be
// heard of later.
func TestEngineTellsWhoseReceiptsStop(t *testing.T) {
	const silent, loud = 60, 10
	w := newWorld(t)
	w.people(silent + loud)
	w.engine.Policy = twoProviders(30 * time.Second)
	w.engine.Clock = clock.Scaled(100, time.Now())
	w.engine.Control = w.bus
	w.must(w.bus.PutControl(t.Context(), bus.HistoryKey("viber", "one"), []byte(`{"all":1000,"silent":40}`)))
	said := w.watchWords()
	n := w.announce("a", silent+loud, "viber", "sms")[0]
	w.run()
	var rs []bus.Result
	var reports []bus.Receipt
	for i := range silent + loud {
		r := accepted
		r.Index, r.Notification, r.Provider, r.ProviderID = i, n.ID+int64(i), "one", "same" // accounts may share ids
		if i >= silent {
			r.Provider = "two"
			reports = append(reports, bus.Receipt{Notification: r.Notification, State: channels.ReceiptDelivered})
		}
		rs = append(rs, r)
	}
	w.lane(n, rs...)
	w.must(w.bus.PublishReceipts(t.Context(), "two", bus.Receipts{Channel: "viber", Receipts: reports}))
	w.until("the fallback after silence", n.ID, onStep(1))
	w.eventually("word that receipts have stopped", func() bool { w.tick(); return said.state("viber", "one") == bus.HealthOpen })
	if got := said.state("viber", "two"); got != "" {
		t.Errorf("the other provider is said to be %s", got)
	}
	var late []bus.Receipt
	for i := range int64(proofsAgain) {
		late = append(late, bus.Receipt{Notification: n.ID + i, State: channels.ReceiptDelivered})
	}
	w.must(w.bus.PublishReceipts(t.Context(), "one", bus.Receipts{Channel: "viber", Receipts: late}))
	w.eventually("word that they come again", func() bool { w.tick(); return said.state("viber", "one") == bus.HealthClosed })
}

// TestReceiptsByIDOfTwoAccounts: two accounts use the same id for different messages. Each receipt
// finds its own, also one that comes before its message's result.
func TestReceiptsByIDOfTwoAccounts(t *testing.T) {
	w := newWorld(t)
	w.engine.Policy = twoProviders(time.Hour)
	ns := w.announce("a", 3, "viber", "sms")
	w.run()
	early := bus.Receipts{Channel: "viber", Receipts: []bus.Receipt{{ProviderID: "7", State: channels.ReceiptFailed, Code: "early"}}}
	w.must(w.bus.PublishReceipts(t.Context(), "two", early))
	var rs []bus.Result
	for i, provider := range []string{"one", "two"} {
		rs = append(rs, accepted)
		rs[i].Index, rs[i].Notification, rs[i].Provider, rs[i].ProviderID = i, ns[i].ID, provider, "7"
	}
	w.lane(ns[0], rs...)
	w.until("the early receipt's attempt to fail", ns[1].ID, onStep(1))
	if a := w.get(ns[1].ID).Past[0]; a.Code != "early" || a.ProviderID != "two|7" {
		t.Errorf("the failed attempt is %+v", a)
	}
	w.must(w.bus.PublishReceipts(t.Context(), "one", bus.Receipts{Channel: "viber", Receipts: []bus.Receipt{{ProviderID: "7", State: channels.ReceiptDelivered}}}))
	w.until("the other to be reached", ns[0].ID, ended(notification.Reached))
	if n := w.get(ns[1].ID); n.Outcome != notification.Open {
		t.Errorf("the receipt of the other account settled %+v", n)
	}
}

// TestEngineGoesOnWithWhatWasSaid: an engine that is started again knows whose receipts had stopped.
func TestEngineGoesOnWithWhatWasSaid(t *testing.T) {
	h := newHealth(twoProviders(time.Minute))
	one := h.providers[providerKey{"viber", "one"}]
	since := time.Now().Add(-10 * time.Minute)
	word1, err := json.Marshal(bus.Health{State: bus.HealthOpen, Since: since})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.hear(bus.HealthKey("viber", "one"), word1, clock.Clock{})
		h.hear(bus.HistoryKey("viber", "one"), []byte(`{"all":500,"silent":20}`), clock.Clock{})
		h.hear(bus.HealthKey("viber", "two"), []byte(`{`), clock.Clock{})
	}
	if off := one.since.Sub(since); !one.stopped || one.history.All != 500 || off < -time.Second || off > time.Second {
		t.Errorf("known after a start: %+v", one)
	}
	h.hear(bus.HealthKey("viber", "one"), []byte(`{"state":"closed"}`), clock.Clock{})
	if one.stopped || h.providers[providerKey{"viber", "two"}].stopped {
		t.Error("another engine said that receipts come again")
	}
}

// tick lets eventually look again without a commit: what is said follows from time as well.
func (w *world) tick() {
	time.AfterFunc(10*time.Millisecond, w.ledger.signal)
}
