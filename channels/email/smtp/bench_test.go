package smtp

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// benchMessage is a notice of usual length, half of it Cyrillic, for a recipient of its own.
func benchMessage(n int) channels.Message {
	text := "Уважаемый клиент!\n\nОплата картой временно не работает. Снять наличные можно в любом банкомате.\n" +
		"Мы сообщим, как только всё заработает, и не позже 14:30.\n\nCard payments are down; cash machines work. " +
		"We will write again by 14:30. https://status.example.com/incidents/2026-11-22\n"
	return channels.Message{
		Ref:     fmt.Sprintf("018f2b7e-%08d-9c41d07e5b2a", n),
		Address: fmt.Sprintf("customer%d.0@example.com", n),
		Locale:  "ru",
		Subject: "Оплата картой временно не работает",
		Text:    text,
		HTML:    "<p>" + strings.ReplaceAll(text, "\n\n", "</p>\n<p>") + "</p>",
	}
}

// BenchmarkSend measures a message through the adapter, and through go-mail alone with its sessions
// kept and NOOP and RSET left out. cpu-µs/op is the time of both sides, the simulator's included.
func BenchmarkSend(b *testing.B) {
	b.Run("adapter", func(b *testing.B) {
		endpoint := serve(b, sim.Relay{}, sandbox.Conduct{}).url
		r := newRelay(mustConfig(b, "url: "+endpoint+"\ntls: none\nfrom: Example Bank <notices@example.com>\nbounce_address: bounces@example.com\n"))
		defer func() { _ = r.Close() }()
		measure(b, func() (func(int) error, error) {
			return func(n int) error {
				_, err := r.Send(context.Background(), benchMessage(n))
				return err
			}, nil
		})
	})
	b.Run("go-mail alone", func(b *testing.B) {
		endpoint := serve(b, sim.Relay{}, sandbox.Conduct{}).url
		measure(b, func() (func(int) error, error) { return goMail(endpoint) })
	})
}

// goMail sends on one session of go-mail's.
func goMail(endpoint string) (func(int) error, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return nil, err
	}
	client, err := mail.NewClient(u.Hostname(), mail.WithPort(port), mail.WithTLSPolicy(mail.NoTLS),
		mail.WithoutNoop(), mail.WithoutRset(), mail.WithoutSMTPUTF8())
	if err != nil {
		return nil, err
	}
	session, err := client.DialToSMTPClientWithContext(context.Background())
	if err != nil {
		return nil, err
	}
	return func(n int) error {
		m := benchMessage(n)
		msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
		if err := msg.From("Example Bank <notices@example.com>"); err != nil {
			return err
		}
		if err := msg.To(m.Address); err != nil {
			return err
		}
		msg.Subject(m.Subject)
		msg.SetMessageIDWithValue(m.Ref + "@example.com")
		msg.SetGenHeader("Auto-Submitted", "auto-generated")
		msg.SetBodyString(mail.TypeTextPlain, m.Text)
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
		return client.SendWithSMTPClient(session, msg)
	}, nil
}

// measure runs eight workers, each with a send function of its own.
func measure(b *testing.B, worker func() (func(int) error, error)) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(4)
	var n atomic.Int64
	b.ResetTimer()
	before := cpu(b)
	b.RunParallel(func(pb *testing.PB) {
		send, err := worker()
		for err == nil && pb.Next() {
			err = send(int(n.Add(1)))
		}
		if err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRender measures the making of a message alone.
func BenchmarkRender(b *testing.B) {
	c := mustConfig(b, "host: relay.example.com\nfrom: Example Bank <notices@example.com>\n")
	l := newLetterhead(c)
	m := benchMessage(1)
	now := time.Now()
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		l.write(&buf, m, m.Address, now)
	}
	b.SetBytes(int64(buf.Len()))
}
