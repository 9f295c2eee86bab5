package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// deployed starts a server with the users and permissions that deploy/nats has.
func deployed(t *testing.T) string {
	t.Helper()
	t.Setenv("TOCSIN_NATS_PASSWORD", "tocsin-password")
	t.Setenv("OPERATOR_NATS_PASSWORD", "operator-password")
	t.Setenv("CARDS_NATS_PASSWORD", "cards-password")
	t.Setenv("NATS_ADMIN_PASSWORD", "admin-password")
	opts, err := server.ProcessConfigFile("../../deploy/nats/accounts.conf")
	if err != nil {
		t.Fatal(err)
	}
	opts.Host, opts.Port, opts.NoSigs, opts.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
	opts.JetStream, opts.StoreDir = true, t.TempDir()
	ns, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	return ns.ClientURL()
}

// TestDeployedPermissionsSuffice: Tocsin's user may do all that Tocsin does.
func TestDeployedPermissionsSuffice(t *testing.T) {
	b := connect(t, bus.Options{URL: deployed(t), User: "tocsin", Password: "tocsin-password", MaxBytes: bustest.MaxBytes})
	ctx := t.Context()
	if err := b.PublishBatches(ctx, []bus.Batch{batch(1)}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	consume(t, b, bus.SendStream, bus.LaneConsumer("sms", notification.Urgent), bus.SendSubject("sms", notification.Urgent), func(m jetstream.Msg) {
		done <- m.DoubleAck(ctx)
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := b.Append(ctx, "sms", bus.Record{Batch: 1}, 0); err != nil {
		t.Error(err)
	}
	if es, err := b.Journal(ctx, "sms", 1, 0); err != nil || len(es) != 1 {
		t.Errorf("journal %+v, %v", es, err)
	}
	for subject := range map[string]bool{bus.IncidentSubject("cards"): true, bus.RejectedSubject("cards"): true, bus.ReceiptsSubject("sms", "p"): true,
		bus.InquiriesSubject("sms"): true, bus.RecallsSubject("sms"): true, bus.OrderSubject("pause"): true, bus.OutcomesSubject("cards", "i-1"): true} {
		if err := b.PublishMessage(ctx, subject, nil, []byte("{}")); err != nil {
			t.Error(err)
		}
	}
	if err := b.PutControl(ctx, bus.PausedKey(1), []byte("x")); err != nil {
		t.Error(err)
	}
	seen, cancel := context.WithCancel(ctx)
	if err := b.Watch(seen, []string{bus.PausedKeys}, func(string, []byte) { cancel() }); err != nil {
		t.Error(err)
	}
	compete(t, b, nil)
	if d, err := b.Behind(ctx, bus.ReceiptsStream, "nobody"); err != nil || d != 0 {
		t.Errorf("behind a consumer that isn't there: %v, %v", d, err)
	}
}

// TestDeployedTeamsKeepToTheirSubject: a team may publish its own updates and hear what becomes of them, and nothing else.
func TestDeployedTeamsKeepToTheirSubject(t *testing.T) {
	url := deployed(t)
	own := connect(t, bus.Options{URL: url, User: "tocsin", Password: "tocsin-password", MaxBytes: bustest.MaxBytes})
	refused := make(chan error, 10)
	nc, err := nats.Connect(url, nats.UserInfo("cards", "cards-password"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "incidents.cards", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	told := make(chan *nats.Msg, 1)
	if _, err := nc.ChanSubscribe(bus.OutcomesOf("cards"), told); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(nc.Flush(), own.PublishMessage(t.Context(), bus.OutcomesSubject("cards", "i-1"), nil, []byte("{}"))); err != nil {
		t.Fatal(err)
	}
	<-told
	if _, err := nc.ChanSubscribe(bus.OutcomesOf("loans"), told); err != nil {
		t.Fatal(err)
	}
	if err := <-refused; !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("listening to what becomes of others' incidents: %v, want a violation", err)
	}
	for _, subject := range []string{"outcomes.cards.i-1", "incidents.loans", "send.sms.urgent", "results.sms.1", "receipts.sms.p", "inquiries.sms", "$KV.lease.publisher", "$JS.API.STREAM.DELETE.SEND"} {
		if err := nc.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v, want a violation", subject, err)
		}
	}
}

// TestBehind: what was stored and not acknowledged keeps its readers behind, acknowledged or not yet
// delivered.
func TestBehind(t *testing.T) {
	b := bustest.Start(t)
	msgs := make(chan jetstream.Msg, 4)
	consume(t, b, bus.ReceiptsStream, "fallback", "", func(m jetstream.Msg) { msgs <- m })
	behind := func() time.Duration {
		d, err := b.Behind(t.Context(), bus.ReceiptsStream, "fallback")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for range 2 {
		if err := b.PublishReceipts(t.Context(), "p", bus.Receipts{Channel: "sms"}); err != nil {
			t.Fatal(err)
		}
	}
	first, second := <-msgs, <-msgs
	if err := second.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	older := behind()
	if older <= 0 {
		t.Errorf("behind by %v with the first not acknowledged", older)
	}
	if err := first.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := behind(); d != 0 {
		t.Errorf("behind by %v with everything acknowledged", d)
	}
}
