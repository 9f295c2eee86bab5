package httpapi_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestHear: what is heard otherwise is held to the same as what comes by webhook.
func TestHear(t *testing.T) {
	id := notification.ID{Notification: 7, Step: 1, Try: 2}
	st := newStage(t)
	bounced := channels.Receipt{Ref: st.signer.Ref(id), State: channels.ReceiptFailed, Code: "5.1.1", Dead: true}
	forged := bounced
	forged.Ref = notification.NewSigner([]byte("another key")).Ref(id)
	if err := st.api.Hear(t.Context(), "sms", "acme", channels.Heard{Receipts: []channels.Receipt{forged, bounced}}); err != nil {
		t.Fatal(err)
	}
	want := []bus.Receipt{{Notification: 7, Step: 1, Try: 2, State: channels.ReceiptFailed, Code: "5.1.1", Dead: true}}
	if diff := cmp.Diff(want, st.bus.stored()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	st.checkCounted(t, "foreign")
	if err := st.api.Hear(t.Context(), "sms", "acme", channels.Heard{}); err != nil {
		t.Errorf("nothing was said: %v", err)
	}
	st.checkCounted(t, "empty")
	st.bus.fail(errors.New("stream is full"))
	if err := st.api.Hear(t.Context(), "sms", "acme", channels.Heard{Receipts: []channels.Receipt{bounced}}); err == nil {
		t.Error("what was not stored was not said to be heard again")
	}
	if err := st.api.Hear(t.Context(), "sms", "other", channels.Heard{}); err == nil {
		t.Error("another provider was heard")
	}
}
