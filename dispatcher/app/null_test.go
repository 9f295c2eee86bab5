package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/null"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestNullTrial(t *testing.T) {
	n := 20000
	if os.Getenv("N") != "" {
		fmt.Sscan(os.Getenv("N"), &n)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	os.WriteFile(path, []byte(`
data_dir: `+dir+`
approval: none
nats: {listen: "127.0.0.1:0"}
cascade: {behind: ["null"]}
catalogue: {services: {cards: {en: card payments, ro: plăți cu cardul, ru: платежи картой}}}
channels: {"null": {provider: "null"}}
`), 0o600)
	cfg, err := app.Load(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l, closeL, err := app.OpenLedger(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var rs []audience.Recipient
	for i := range n {
		rs = append(rs, audience.Recipient{ID: fmt.Sprintf("c%07d", i), Locale: "ro", Zone: "Europe/Chisinau",
			Addresses: []audience.Address{{Channel: "null", Address: fmt.Sprintf("+3736%07d", i)}}, Preferences: []string{"null"}, Consents: []string{"null"}, Services: []string{"cards"}})
		if len(rs) == 1000 || i == n-1 {
			if err := l.PutRecipients(ctx, rs); err != nil {
				t.Fatal(err)
			}
			rs = rs[:0]
		}
	}
	closeL()
	a, err := app.New(ctx, app.Options{Config: cfg, Specs: []channels.Spec{null.Spec()}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	e := a.Endpoints()
	nc, err := nats.Connect(e.NATS, nats.UserInfo(e.NATSUser, e.NATSPassword))
	if err != nil {
		t.Fatal(err)
	}
	js, _ := jetstream.New(nc)
	text := incident.Text{"en": "Card payments fail.", "ro": "Plățile cu cardul nu merg.", "ru": "Платежи картой не проходят."}
	for round := range 3 {
		u := incident.Update{Source: "test", EventID: fmt.Sprint(round), Time: time.Now(), Data: incident.Data{Team: "ops", Incident: fmt.Sprintf("i%d", round), Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Critical,
			StartedAt: time.Now(), Summary: text}}
		body, err := incident.Encode(u)
		if err != nil {
			t.Fatal(err)
		}
		c0, t0 := cpu(), time.Now()
		if _, err := js.Publish(ctx, "incidents.ops", body); err != nil {
			t.Fatal(err)
		}
		for {
			r, err := a.Ledger().Report(ctx, "ops", u.Incident)
			if err == nil && r.Balanced {
				fmt.Printf("%+v\n", r.Updates[0].Balance)
				break
			}
			time.Sleep(100 * time.Millisecond)
			if time.Since(t0) > 20*time.Second {
				fmt.Printf("%+v %v\n", r, err)
				t.Fatal("stuck")
			}
		}
		fmt.Printf("round %d: %v wall, %.1f us cpu per recipient\n", round, time.Since(t0), float64((cpu()-c0).Microseconds())/float64(n))
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
