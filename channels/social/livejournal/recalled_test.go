package livejournal_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/social/livejournal"
	"github.com/tocsin-dev/tocsin/channels/social/livejournal/sim"
)

// TestInquireAfterRecall: an entry that was taken back is not there for those who ask, neither by its number nor by
// its text.
func TestInquireAfterRecall(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	desk := sandbox.NewDesk(ctx, "livejournal", sandbox.Conduct{})
	t.Cleanup(func() { cancel(); desk.Wait() })
	server := httptest.NewServer(sim.Simulator().HTTP(desk))
	t.Cleanup(server.Close)
	sender, err := livejournal.Spec().New(func(into any) error {
		c, ok := into.(*livejournal.Config)
		if !ok {
			return errors.New("another configuration")
		}
		c.BaseURL = server.URL
		c.Accounts = map[string]livejournal.Account{sim.Community: {Username: sim.Journal, Password: sim.Password}}
		return nil
	}, channels.Env{HTTP: &http.Client{Transport: server.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	ack, err := sender.Send(ctx, channels.Message{Ref: "a", Address: sim.Community, Text: "Cards are down"})
	if err != nil {
		t.Fatal(err)
	}
	byID := channels.Inquiry{Ref: "a", ProviderID: ack.ID}
	byText := channels.Inquiry{Ref: "a", Address: sim.Community, Text: "Cards are down", SentAfter: time.Now().Add(-time.Minute)}
	inquirer := sender.(channels.Inquirer)
	if r, err := inquirer.Inquire(ctx, byID); err != nil || r.State != channels.ReceiptDelivered {
		t.Fatalf("before: %+v, %v", r, err)
	}
	if err := sender.(channels.Recaller).Recall(ctx, channels.Sent{Ref: "a", Address: sim.Community, ProviderID: ack.ID}); err != nil {
		t.Fatal(err)
	}
	if r, err := inquirer.Inquire(ctx, byID); err == nil || channels.AsError(err).Class != channels.Rejected {
		t.Errorf("by its number: %+v, %v", r, err)
	}
	if r, err := inquirer.Inquire(ctx, byText); err != nil || r.State != channels.ReceiptAbsent {
		t.Errorf("by its text: %+v, %v", r, err)
	}
}
