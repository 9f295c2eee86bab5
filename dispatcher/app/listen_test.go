package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestListeningIsTriedAgain: a way of hearing that fails stops nothing, and is taken up again.
func TestListeningIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &App{Options: Options{Log: slog.New(slog.DiscardHandler)}}
		c, p := &configured{Channel: Channel{Name: "email"}}, &account{Provider: Provider{Name: "smtp"}}
		tries := 0
		way := channels.Way{Name: "maildir", Listen: func(ctx context.Context, hear channels.Hear) error {
			if tries++; tries < 3 {
				return errors.New("no such directory")
			}
			if err := hear(ctx, channels.Heard{}); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}}
		var heard []string
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- a.listening(c, p, way, func(_ context.Context, channel, provider string, _ channels.Heard) error {
				heard = append(heard, channel+" at "+provider)
				cancel()
				return nil
			})(ctx)
		}()
		if err := <-ended; err != nil || tries != 3 || len(heard) != 1 || heard[0] != "email at smtp" {
			t.Errorf("after %d tries: %v, heard %q", tries, err, heard)
		}
	})
}
