package fallback

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// surroundings are everything around the engine: the lanes with their batches and journals, what went out
// to providers and what becomes of it, and what lanes and providers have said that no engine has heard.
type surroundings struct {
	parcels   []*parcel
	revoked   map[int64]map[int64]bool // by batch: notifications that its journal says are revoked
	messages  []*message
	letters   []*letter
	questions []question
	taking    []bus.Inquiries  // what lanes were told to have taken back, and have not answered for
	asked     []bus.Inquiries  // all that they were told of it
	full      bool             // no room to tell them
	units     map[string]int64 // by incident: what was handed over that is billed
	ids       int
	mended    bool // nothing gets lost any more
}

func newSurroundings() surroundings {
	return surroundings{revoked: map[int64]map[int64]bool{}, units: map[string]int64{}}
}

// parcel is a batch that its lane has, with what it has answered.
type parcel struct {
	ledger.Batch
	answered []bool
}

// message is what a provider was given. It says what becomes of it in the order of what is still to come.
type message struct {
	id       notification.ID
	channel  string
	address  string
	name     string // its id there
	provider string // the same; "" where the lane was never told
	is       channels.ReceiptState
	fate     []channels.ReceiptState
	mute     bool // no webhook of its gets through
	late     bool // what it still has to say comes when all is over
	gone     bool // taken back
	stays    bool // a lane has said that it can't be taken back
}

// letter is a message on RESULTS or RECEIPTS.
type letter struct {
	delivery
	words []word
	at    time.Time
	// folded says that a transaction has it, heard that the engine has dealt with it.
	folded, heard bool
}

// word is what a letter says of one attempt.
type word struct {
	id   notification.ID
	what notification.EventKind
	// provider is the message's id: what it says is known only when a result has told whose it is.
	provider string
	tells    bool // the provider's id
	down     bool // the channel has been down for long
}

// question is an attempt that a provider is to be asked about.
type question struct {
	id      notification.ID
	channel string
	at      time.Time
}

func (s *surroundings) revoke(batch int64, ns []int64) {
	if s.revoked[batch] == nil {
		s.revoked[batch] = map[int64]bool{}
	}
	for _, n := range ns {
		s.revoked[batch][n] = true
	}
}

// PublishInquiries implements Inquiries.
func (s *surroundings) PublishInquiries(_ context.Context, q bus.Inquiries, _ string) error {
	for _, i := range q.Inquiries {
		s.questions = append(s.questions, question{notification.ID{Notification: i.Notification, Step: i.Step, Try: i.Try}, q.Channel, time.Now()})
	}
	return nil
}

// RoomForRecalls implements Inquiries: what room there was is gone by the time that the lanes are told.
func (s *surroundings) RoomForRecalls(context.Context) error { return nil }

// PublishRecalls implements Inquiries.
func (s *surroundings) PublishRecalls(_ context.Context, q bus.Inquiries) error {
	if s.full {
		return bus.ErrFull
	}
	s.taking, s.asked = append(s.taking, q), append(s.asked, q)
	return nil
}

// handOver does the publisher's work; now and then it dies before it has marked what it handed over.
func (p *play) handOver(t *rapid.T) { p.publish(rapid.IntRange(0, 5).Draw(t, "not marked") > 0) }

func (p *play) publish(marked bool) {
	ctx := p.Context()
	unsent, err := p.ledger.UnsentBatches(ctx, time.Now(), 32)
	p.must(err)
	var ids, billed []int64
	for i := range unsent {
		if unsent[i].Units > 0 {
			billed = append(billed, unsent[i].ID)
		}
	}
	beyond, err := p.ledger.Spend(ctx, billed, budget)
	p.must(err)
	for _, b := range unsent {
		if slices.Contains(beyond, b.ID) {
			continue
		}
		ids = append(ids, b.ID)
		if p.parcel(b.ID) == nil { // a lane knows what it has
			p.parcels = append(p.parcels, &parcel{b, make([]bool, len(b.Items))})
			p.units[b.Incident] += b.Units
		}
	}
	if marked {
		p.must(p.ledger.MarkSent(ctx, ids, time.Now()))
	}
}

func (s *surroundings) parcel(batch int64) *parcel {
	for _, b := range s.parcels {
		if b.ID == batch {
			return b
		}
	}
	return nil
}

// inHand is an attempt that a lane has not answered for.
type inHand struct {
	*parcel
	index int
}

func (h inHand) id() notification.ID {
	return notification.ID{Notification: h.Items[h.index].Notification, Step: h.Step, Try: h.Try}
}

func (s *surroundings) inHands() (all []inHand) {
	for _, b := range s.parcels {
		for i, done := range b.answered {
			if !done {
				all = append(all, inHand{b, i})
			}
		}
	}
	return all
}

// lane has lanes make some attempts, or none, and say something of each.
func (p *play) lane(t *rapid.T) {
	if len(p.inHands()) == 0 {
		t.Skip("no lane has anything")
	}
	for range rapid.IntRange(1, 3).Draw(t, "attempts") {
		if all := p.inHands(); len(all) > 0 {
			p.try(all[rapid.IntRange(0, len(all)-1).Draw(t, "attempt")])
		}
	}
}

func (p *play) try(h inHand) {
	if p.gone(h) {
		return
	}
	switch how := rapid.SampledFrom([]string{"taken", "taken", "answered", "refused", "dead", "returned", "down", "unknown", "left", "repeated", "killed", "killed"}).Draw(p.T, "result"); how {
	case "taken", "repeated":
		p.takes(h, bus.Result{State: bus.ResultAccepted, Repeat: how == "repeated"}, p.fate(h.Channel))
	case "answered":
		p.takes(h, bus.Result{State: bus.ResultAccepted, Proof: channels.Delivered}, p.fate(h.Channel))
	case "refused":
		p.says(h, bus.Result{State: bus.ResultFailed, Class: channels.Rejected, Code: "no"})
	case "dead":
		p.says(h, bus.Result{State: bus.ResultFailed, Class: channels.InvalidAddress, Code: "nobody"})
	case "returned":
		p.says(h, bus.Result{State: bus.ResultReturned, Class: channels.Unavailable, Code: "503"})
	case "down":
		p.says(h, bus.Result{State: bus.ResultReturned, Class: channels.Unavailable, Code: "503", DownFor: time.Hour.Milliseconds()})
	case "unknown": // it never got there
		p.says(h, bus.Result{State: bus.ResultUnknown, Class: channels.Unknown, Code: "timeout"})
	case "left": // it did
		p.leaves(h, p.fate(h.Channel))
		p.says(h, bus.Result{State: bus.ResultUnknown, Class: channels.Unknown, Code: "timeout"})
	case "killed": // a lane that died had sent what the next one gives back
		p.leaves(h, p.fate(h.Channel))
		p.says(h, bus.Result{State: bus.ResultReturned, Class: channels.Unavailable, Code: "503"})
	}
}

// gone answers for an attempt that is not to start: it is revoked, or its update paused.
func (p *play) gone(h inHand) bool {
	switch {
	case p.revoked[h.ID][h.Items[h.index].Notification]:
		p.says(h, bus.Result{State: bus.ResultRevoked})
	case p.paused(h.Incident, h.Update):
		p.says(h, bus.Result{State: bus.ResultReturned, Class: channels.Unavailable, Code: notification.HeldBack})
	default:
		p.starts(h)
		return false
	}
	return true
}

// takes has a provider take an attempt.
func (p *play) takes(h inHand, r bus.Result, fate []channels.ReceiptState) {
	m := p.leaves(h, fate)
	m.provider, r.ProviderID = m.name, m.name
	p.says(h, r)
}

// leaves has a provider take an attempt, and the lane not hear of it.
func (p *play) leaves(h inHand, fate []channels.ReceiptState) *message {
	mute := !p.mended && rapid.IntRange(0, 3).Draw(p.T, "webhooks lost") == 0
	p.ids++
	m := &message{
		id: h.id(), channel: h.Channel, address: h.Items[h.index].Address, name: fmt.Sprint("p", p.ids), fate: fate, is: channels.ReceiptAccepted, mute: mute,
	}
	p.messages = append(p.messages, m)
	return m
}

// fate is what becomes of a message, as far as its provider reports it.
func (p *play) fate(channel string) []channels.ReceiptState {
	const accepted, delivered, read, failed = channels.ReceiptAccepted, channels.ReceiptDelivered, channels.ReceiptRead, channels.ReceiptFailed
	var all [][]channels.ReceiptState
	switch channel {
	case "telegram":
		return nil
	case "email":
		all = [][]channels.ReceiptState{nil, {failed}}
	default:
		all = [][]channels.ReceiptState{nil, {delivered}, {accepted, delivered, read}, {read}, {failed}, {accepted, failed}, {failed, delivered}}
	}
	return rapid.SampledFrom(all).Draw(p.T, "fate")
}

// says puts a lane's result on RESULTS.
func (p *play) says(h inHand, r bus.Result) {
	h.answered[h.index] = true
	r.Index, r.Notification = h.index, h.Items[h.index].Notification
	w := word{id: h.id(), what: resultKinds[r.State], tells: r.ProviderID != "", provider: r.ProviderID, down: r.DownFor > 0}
	if r.Proof >= channels.Delivered {
		w.what = notification.ReceiptDelivered
	}
	record := &bus.Record{Batch: h.ID, Step: h.Step, Try: h.Try, Results: []bus.Result{r}}
	p.letters = append(p.letters, &letter{delivery: delivery{msg: acked{}, record: record, channel: h.Channel}, words: []word{w}, at: time.Now()})
}

var (
	resultKinds = map[bus.ResultState]notification.EventKind{
		bus.ResultAccepted: notification.ResultAccepted, bus.ResultFailed: notification.ResultFailed, bus.ResultUnknown: notification.ResultUnknown,
		bus.ResultReturned: notification.ResultReturned, bus.ResultRevoked: notification.ResultRevoked,
	}
	receiptKinds = map[channels.ReceiptState]notification.EventKind{
		channels.ReceiptAccepted: notification.ReceiptAccepted, channels.ReceiptDelivered: notification.ReceiptDelivered,
		channels.ReceiptRead: notification.ReceiptRead, channels.ReceiptFailed: notification.ReceiptFailed, channels.ReceiptAbsent: notification.ReceiptAbsent,
		channels.ReceiptRecalled: notification.ReceiptRecalled, channels.ReceiptKept: notification.ReceiptKept,
	}
)

// report has providers say what has become of some messages. The webhook may get lost.
func (p *play) report(t *rapid.T) {
	if len(p.unreported()) == 0 {
		t.Skip("no provider has anything to say")
	}
	for range rapid.IntRange(1, 3).Draw(t, "reports") {
		if all := p.unreported(); len(all) > 0 {
			p.comes(all[rapid.IntRange(0, len(all)-1).Draw(t, "message")])
		}
	}
}

func (s *surroundings) unreported() (all []*message) {
	for _, m := range s.messages {
		if len(m.fate) > 0 && !m.late {
			all = append(all, m)
		}
	}
	return all
}

// comes lets the next thing happen to a message.
func (p *play) comes(m *message) {
	m.is, m.fate = m.fate[0], m.fate[1:]
	byID := p.policy.Channels[m.channel].ByID
	if m.mute || (byID && m.provider == "") {
		return // whose it is nobody can say, either
	}
	r := bus.Receipt{State: m.is, Notification: m.id.Notification, Step: m.id.Step, Try: m.id.Try}
	w := word{id: m.id, what: receiptKinds[m.is]}
	if byID {
		r, w.provider = bus.Receipt{State: m.is, ProviderID: m.provider}, m.provider
	}
	p.receives(m.channel, r, w)
}

func (p *play) receives(channel string, r bus.Receipt, w word) {
	p.letters = append(p.letters, &letter{
		delivery: delivery{msg: acked{}, channel: channel, provider: p.policy.Channels[channel].Providers[0], receipts: []bus.Receipt{r}},
		words:    []word{w}, at: time.Now(),
	})
}

// answer has a provider say, when it is asked, what became of an attempt: about one that it took when the
// engine asks, about one of which nobody knows whether it did, as lanes ask by themselves.
func (p *play) answer(t *rapid.T) {
	all := append(slices.Clone(p.questions), p.doubts()...)
	if len(all) == 0 {
		t.Skip("no provider is asked")
	}
	p.tells(all[rapid.IntRange(0, len(all)-1).Draw(t, "question")])
}

func (s *surroundings) doubts() (all []question) {
	for _, l := range s.letters {
		for _, w := range l.words {
			if w.what == notification.ResultUnknown && (l.channel == "viber" || l.channel == "sms") {
				all = append(all, question{id: w.id, channel: l.channel})
			}
		}
	}
	return all
}

func (p *play) tells(q question) {
	r := bus.Receipt{State: channels.ReceiptAbsent, Notification: q.id.Notification, Step: q.id.Step, Try: q.id.Try}
	for _, m := range p.messages {
		if m.id == q.id {
			r.State, r.ProviderID = m.is, m.name
		}
	}
	p.receives(q.channel, r, word{id: q.id, what: receiptKinds[r.State]})
}
