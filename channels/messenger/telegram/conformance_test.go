package telegram_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestConformance(t *testing.T) {
	wrong := strings.ToUpper(sim.Token)
	config := func(endpoint, token string) string {
		return fmt.Sprintf("token: %s\nbase_url: %s\n", token, endpoint)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       telegram.Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.Token) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"token"},
		Secrets:    []string{sim.Token, wrong},
		Address:    func(d int) string { return fmt.Sprintf("77712345%d", d) },
		RetryAfter: true,
	})
}

// TestRecallFromSupergroup: what went to a group's new id is deleted there, though its address is the old one.
func TestRecallFromSupergroup(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	desk := sandbox.NewDesk(ctx, "telegram", sandbox.Conduct{})
	t.Cleanup(func() { cancel(); desk.Wait() })
	server := httptest.NewServer(sim.Simulator().HTTP(desk))
	t.Cleanup(server.Close)
	s, err := telegram.Spec().New(func(into any) error {
		*into.(*telegram.Config) = telegram.Config{Token: sim.Token, BaseURL: server.URL}
		return nil
	}, channels.Env{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	ack, err := s.Send(ctx, channels.Message{Address: sim.MigratedFrom, Text: "a"})
	if err != nil {
		t.Fatal(err)
	}
	err = s.(channels.Recaller).Recall(ctx, channels.Sent{Address: sim.MigratedFrom, ProviderID: ack.ID})
	if n := desk.Total().Recalled; err != nil || n != 1 {
		t.Errorf("Recall of %q: %v, %d taken back", ack.ID, err, n)
	}
}
