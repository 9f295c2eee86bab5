package httpapi_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestWatchReceipts(t *testing.T) {
	st := newStage(t)
	said := []bus.Receipt{{ProviderID: "sm-1", State: channels.ReceiptDelivered}, {Notification: 7, State: channels.ReceiptRead, Code: "seen"}}
	ctx, cancel := context.WithCancel(t.Context())
	var heard []bus.Receipt
	err := st.admin.WatchReceipts(ctx, "sms", "acme", func() {
		for _, r := range said {
			st.bus.say("sms/acme", r)
		}
	}, func(r bus.Receipt) {
		if heard = append(heard, r); len(heard) == len(said) {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if len(heard) != 2 || heard[0] != said[0] || heard[1] != said[1] {
		t.Errorf("heard %+v", heard)
	}
}

func TestWatchReceiptsEnds(t *testing.T) {
	st := newStage(t)
	nobody := func(bus.Receipt) { t.Error("heard something") }
	err := st.admin.WatchReceipts(t.Context(), "sms", "acme", st.api.EndStreams, nobody)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the server has ended: %v", err)
	}
	if err := st.admin.WatchReceipts(t.Context(), "sms", "other", func() {}, nobody); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("no such provider: %v", err)
	}
	team := httpapi.NewClient(st.URL, cardsToken)
	defer team.Close()
	if err := team.WatchReceipts(t.Context(), "sms", "acme", func() {}, nobody); err == nil {
		t.Error("a team may watch")
	}
	st.bus.fail(errors.New("gone"))
	if err := st.admin.WatchReceipts(t.Context(), "sms", "acme", func() {}, nobody); err == nil {
		t.Error("NATS is gone, and no error")
	}
}
