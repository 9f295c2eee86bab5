package bus_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

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
