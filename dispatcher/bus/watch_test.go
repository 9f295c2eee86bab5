package bus_test

import (
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

func TestWatchReceipts(t *testing.T) {
	b := bustest.Start(t)
	heard := make(chan bus.Receipt, 10)
	stop, err := b.WatchReceipts("sms", "main", func(r bus.Receipt) { heard <- r })
	if err != nil {
		t.Fatal(err)
	}
	publish := func(provider, id string) {
		t.Helper()
		r := bus.Receipts{Channel: "sms", Receipts: []bus.Receipt{{ProviderID: id, State: channels.ReceiptDelivered}}}
		if err := b.PublishReceipts(t.Context(), provider, r); err != nil {
			t.Fatal(err)
		}
	}
	publish("backup", "not ours")
	publish("main", "a")
	if r := <-heard; r.ProviderID != "a" {
		t.Errorf("heard %+v", r)
	}
	stop()
	publish("main", "b")
	if len(heard) != 0 {
		t.Errorf("heard %+v after the end", <-heard)
	}
}
