package facebook_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/social/facebook"
	"github.com/tocsin-dev/tocsin/channels/social/facebook/sim"
)

// TestInquireAfterRecall: a post that was taken back is not there for those who ask, neither by its id nor by
// its text.
func TestInquireAfterRecall(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	desk := sandbox.NewDesk(ctx, "facebook", sandbox.Conduct{})
	t.Cleanup(func() { cancel(); desk.Wait() })
	server := httptest.NewServer(sim.Simulator().HTTP(desk))
	t.Cleanup(server.Close)
	sender, err := facebook.Spec().New(func(into any) error {
		c, ok := into.(*facebook.Config)
		if !ok {
			return errors.New("another configuration")
		}
		c.BaseURL, c.AppSecret = server.URL, sim.AppSecret
		c.Accounts = map[string]channels.Secret{sim.Page: channels.Secret(sim.Token(sim.Page))}
		return nil
	}, channels.Env{HTTP: &http.Client{Transport: server.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	ack, err := sender.Send(ctx, channels.Message{Ref: "a", Address: sim.Page, Text: "Cards are down"})
	if err != nil {
		t.Fatal(err)
	}
	byID := channels.Inquiry{Ref: "a", ProviderID: ack.ID}
	byText := channels.Inquiry{Ref: "a", Address: sim.Page, Text: "Cards are down", SentAfter: time.Now().Add(-time.Minute)}
	inquirer := sender.(channels.Inquirer)
	if r, err := inquirer.Inquire(ctx, byID); err != nil || r.State != channels.ReceiptDelivered {
		t.Fatalf("before: %+v, %v", r, err)
	}
	if err := sender.(channels.Recaller).Recall(ctx, channels.Sent{Ref: "a", Address: sim.Page, ProviderID: ack.ID}); err != nil {
		t.Fatal(err)
	}
	if r, err := inquirer.Inquire(ctx, byID); err == nil || channels.AsError(err).Class != channels.Rejected {
		t.Errorf("by its id: %+v, %v", r, err)
	}
	if r, err := inquirer.Inquire(ctx, byText); err != nil || r.State != channels.ReceiptAbsent {
		t.Errorf("by its text: %+v, %v", r, err)
	}
}
