package bus_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

// TestInquiriesAreStoredOnceAndGoWhenAnswered: there may be addresses in them.
func TestInquiriesAreStoredOnceAndGoWhenAnswered(t *testing.T) {
	b := bustest.Start(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	q := bus.Inquiries{Channel: "sms", NotBefore: at, Until: at.Add(time.Minute), Inquiries: []bus.Inquiry{
		{Notification: 1, Step: 2, Try: 3, Provider: "p", ProviderID: "id"},
		{Notification: 2, Address: "+1", Text: "t", After: at, Before: at},
	}}
	for range 2 {
		if err := b.PublishInquiries(t.Context(), q, "once"); err != nil {
			t.Fatal(err)
		}
	}
	if st := state(t, b, bus.InquiriesStream); st.Messages != 1 {
		t.Errorf("%d messages, want the second to be known again", st.Messages)
	}
	got := make(chan jetstream.Msg, 2)
	consume(t, b, bus.InquiriesStream, bus.InquiriesConsumer("sms"), bus.InquiriesSubject("sms"), func(m jetstream.Msg) { got <- m })
	m := <-got
	var read bus.Inquiries
	if err := errors.Join(json.Unmarshal(m.Data(), &read), m.DoubleAck(t.Context())); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(q, read); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
	if st := state(t, b, bus.InquiriesStream); st.Messages != 0 {
		t.Errorf("%d messages after the acknowledgement", st.Messages)
	}
}

// TestRecallsGoWhenDone: there are addresses in them. Ordered again they are stored again, since what was
// asked may not have been heard.
func TestRecallsGoWhenDone(t *testing.T) {
	b := bustest.Start(t)
	until := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	q := bus.Inquiries{Channel: "telegram", Until: until, Inquiries: []bus.Inquiry{
		{Notification: 1, Step: 2, Try: 3, Provider: "p", ProviderID: "17", Address: "4711"},
		{Notification: 2, ProviderID: "18"},
	}}
	for range 2 {
		if err := b.PublishRecalls(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	other := bus.Inquiries{Channel: "viber", Until: until}
	if err := b.PublishRecalls(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if st := state(t, b, bus.RecallsStream); st.Messages != 3 {
		t.Errorf("%d messages, want each", st.Messages)
	}
	got := make(chan jetstream.Msg, 3)
	stop := consume(t, b, bus.RecallsStream, bus.RecallsConsumer("telegram"), bus.RecallsSubject("telegram"), func(m jetstream.Msg) { got <- m })
	for range 2 {
		m := <-got
		var read bus.Inquiries
		if err := errors.Join(json.Unmarshal(m.Data(), &read), m.DoubleAck(t.Context())); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(q, read); d != "" {
			t.Errorf("read (-want +got):\n%s", d)
		}
	}
	stop()
	if st := state(t, b, bus.RecallsStream); st.Messages != 1 || len(got) != 0 {
		t.Errorf("%d messages after the acknowledgements, %d more came; want another channel's to wait", st.Messages, len(got))
	}
}

// TestMostRecallsFitIntoAMessage: of the longest addresses and ids, of characters that take the most room.
func TestMostRecallsFitIntoAMessage(t *testing.T) {
	b := bustest.Start(t)
	long := func(n int) string { return strings.Repeat("<", n) } // six bytes each in JSON
	q := bus.Inquiries{Channel: strings.Repeat("c", 64), NotBefore: time.Now(), Until: time.Now()}
	for n := range bus.MaxRecalls {
		q.Inquiries = append(q.Inquiries, bus.Inquiry{
			Notification: 1<<62 + int64(n), Step: 255, Try: 255, Provider: strings.Repeat("p", 64), ProviderID: long(512), Address: long(audience.MaxAddress),
		})
	}
	if err := b.PublishRecalls(t.Context(), q); err != nil {
		t.Error(err)
	}
}

// TestFullRecallsHoldUpNothingElse: the stream refuses what it can't take, and nothing is the worse for it. Before
// that it has no room for much.
func TestFullRecallsHoldUpNothingElse(t *testing.T) {
	b := connect(t, bus.Options{Server: start(t, bus.ServerOptions{})})
	q := bus.Inquiries{Channel: "telegram", Inquiries: []bus.Inquiry{{Notification: 1, Address: strings.Repeat("4", 500<<10)}}}
	err := b.RoomForRecalls(t.Context())
	if err != nil {
		t.Errorf("room for recalls: %v", err)
	}
	for n := 0; err == nil && n < 10; n++ {
		if err = b.PublishRecalls(t.Context(), q); n == 0 && !errors.Is(b.RoomForRecalls(t.Context()), bus.ErrFull) {
			t.Error("more than a quarter of the stream is taken, and there is room for much")
		}
	}
	if !errors.Is(err, bus.ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	if err := b.Room(t.Context()); err != nil {
		t.Errorf("room: %v", err)
	}
}
