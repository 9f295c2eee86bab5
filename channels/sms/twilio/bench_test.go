package twilio

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/sms/twilio/sim"
)

// BenchmarkSend sends over loopback to the simulator in the same process: both sides count.
func BenchmarkSend(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	server, err := sandbox.New(ctx, "127.0.0.1:0", sandbox.Conduct{}, []sandbox.Simulator{sim.Simulator()})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	c := config{Config: twilio.Config{AccountSID: sim.AccountSID, AuthToken: sim.AuthToken, BaseURL: server.Endpoints()["twilio"]}, From: senders{"Bank"}}
	s, err := newSender(func(into any) error { *into.(*config) = c; return nil },
		channels.Env{HTTP: &http.Client{Transport: transport}, UserAgent: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	m := channels.Message{Address: "+37369000100", Text: strings.Repeat("Card payments are down. ", 6)}
	var failed atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Send(ctx, m); err != nil {
				failed.Add(1)
			}
		}
	})
	if n := failed.Load(); n > 0 {
		b.Errorf("%d sends failed", n)
	}
	transport.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}

func BenchmarkParseCallback(b *testing.B) {
	c := signed(b, "r1", "AccountSid=AC1&ApiVersion=2010-04-01&From=%2B15005550006&MessageSid=SM1&MessageStatus=delivered&SmsSid=SM1&SmsStatus=delivered&To=%2B37369000100")
	s := newTestSender(b, "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.ParseCallback(c); err != nil {
			b.Fatal(err)
		}
	}
}
