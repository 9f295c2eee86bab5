package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestMain lets pass what servers that were stopped in the middle of their work leave behind: within one
// process they can't be killed more truly.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"))
}

func start(t *testing.T, o bus.ServerOptions) *bus.Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	o.MaxBytes = max(o.MaxBytes, bustest.MaxBytes)
	s, err := bus.StartServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func connect(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	if o.MaxBytes == 0 {
		o.MaxBytes = bustest.MaxBytes
	}
	b, err := bus.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func state(t *testing.T, b *bus.Bus, stream string) bus.StreamState {
	t.Helper()
	all, err := b.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(s bus.StreamState) bool { return s.Name == stream })
	if i < 0 {
		t.Fatalf("no stream %s among %+v", stream, all)
	}
	return all[i]
}

func TestServerSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for listen, want := range map[string]string{
		taken.Addr().String(): taken.Addr().String(),
		"localhost":           "nats.listen",
		"127.0.0.1:http":      `"http"`,
		"":                    "nats.listen",
	} {
		s, err := bus.StartServer(bus.ServerOptions{Dir: t.TempDir(), Listen: listen})
		if err == nil {
			s.Stop()
			t.Errorf("listening on %q went well", listen)
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nats.listen") {
			t.Errorf("listening on %q: %v; want an error that names nats.listen and %s", listen, err, want)
		}
	}
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	if _, err := bus.Connect(t.Context(), bus.Options{}); err == nil || !strings.Contains(err.Error(), "no server") {
		t.Errorf("with no server: %v", err)
	}
	s := start(t, bus.ServerOptions{Users: []bus.User{{Name: "a", Password: "b"}}})
	if _, err := bus.Connect(t.Context(), bus.Options{URL: s.URL(), User: "a", Password: "wrong"}); err == nil {
		t.Error("a wrong password went well")
	}
}

func TestStreamsAreThereAndKept(t *testing.T) {
	dir := t.TempDir()
	s := start(t, bus.ServerOptions{Dir: dir})
	b := connect(t, bus.Options{Server: s})
	all, err := b.States(t.Context())
	if err != nil || len(all) != len(bus.StreamNames()) {
		t.Fatalf("streams %+v, %v", all, err)
	}
	sum := int64(0)
	for _, st := range all {
		if st.MaxBytes <= 0 {
			t.Errorf("stream %s has no bound", st.Name)
		}
		sum += st.MaxBytes
	}
	if sum > bustest.MaxBytes {
		t.Errorf("the streams may take %d bytes together, the bound is %d", sum, int64(bustest.MaxBytes))
	}
	if err := b.PublishUpdate(t.Context(), "payments", "application/cloudevents+json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	s.Stop()

	b = connect(t, bus.Options{Server: start(t, bus.ServerOptions{Dir: dir}), MaxBytes: bustest.MaxBytes / 2})
	if st := state(t, b, bus.IncidentsStream); st.Messages != 1 || st.MaxBytes*2/10 != all[0].MaxBytes/10 {
		t.Errorf("after a restart with half the room: %+v", st)
	}
	if err := errors.Join(b.Healthy(t.Context()), b.Room(t.Context())); err != nil {
		t.Errorf("healthy, with room: %v", err)
	}
	b.Close()
	if err := b.Healthy(t.Context()); err == nil {
		t.Error("healthy without a connection")
	}
}

func batch(id int64) bus.Batch {
	return bus.Batch{
		ID: id, Channel: "sms", Priority: notification.Urgent, Content: notification.Content{Text: notification.Literal("x")},
		Attempts: []bus.Attempt{{Notification: id * 10, Address: "+1", Values: map[string]string{"name": "A"}}},
	}
}

func TestPublishBatchesOnce(t *testing.T) {
	b := bustest.Start(t)
	for range 2 {
		if err := b.PublishBatches(t.Context(), []bus.Batch{batch(1), batch(2)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.PublishBatches(t.Context(), nil); err != nil {
		t.Errorf("publishing nothing: %v", err)
	}
	if st := state(t, b, bus.SendStream); st.Messages != 2 {
		t.Errorf("%d batches in the queue, want 2", st.Messages)
	}
	got := make(chan bus.Batch, 4)
	consume(t, b, bus.SendStream, bus.LaneConsumer("sms", notification.Urgent), bus.SendSubject("sms", notification.Urgent), func(m jetstream.Msg) {
		var x bus.Batch
		if err := json.Unmarshal(m.Data(), &x); err != nil {
			t.Error(err)
		}
		_ = m.DoubleAck(t.Context())
		got <- x
	})
	for id := range int64(2) {
		if d := cmp.Diff(batch(id+1), <-got); d != "" {
			t.Errorf("batch %d (-want +got):\n%s", id+1, d)
		}
	}
	if st := state(t, b, bus.SendStream); st.Messages != 0 {
		t.Errorf("%d batches left after they were acknowledged", st.Messages)
	}
}

// consume runs a consumer until the test ends.
func consume(t *testing.T, b *bus.Bus, stream, name, filter string, handle func(jetstream.Msg)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Consume(ctx, stream, name, filter, 4, handle) }()
	ended := false
	stop = func() {
		if cancel(); !ended {
			ended = true
			if err := <-done; err != nil {
				t.Errorf("consuming %s: %v", stream, err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestConsumeWaitsForItsHandlers(t *testing.T) {
	b := bustest.Start(t)
	if err := b.PublishUpdate(t.Context(), "a", "x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan struct{}), make(chan struct{})
	ended := false
	stop := consume(t, b, bus.IncidentsStream, "dispatcher", "", func(m jetstream.Msg) {
		close(begun)
		<-release
		ended = true
		_ = m.Ack()
	})
	<-begun
	go close(release)
	stop()
	if !ended {
		t.Error("Consume returned while a handler was at work")
	}
	if err := b.Consume(t.Context(), "NOSUCH", "x", "", 1, func(jetstream.Msg) {}); err == nil || !strings.Contains(err.Error(), "NOSUCH") {
		t.Errorf("consuming an unknown stream: %v", err)
	}
}

func TestConsumeEndsWithItsConsumer(t *testing.T) {
	s := start(t, bus.ServerOptions{})
	b := connect(t, bus.Options{Server: s})
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	heard, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- b.Consume(t.Context(), bus.IncidentsStream, "dispatcher", "", 4, func(m jetstream.Msg) {
			_ = m.Ack()
			close(heard)
		})
	}()
	if err := b.PublishUpdate(t.Context(), "a", "x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	<-heard
	if err := js.DeleteConsumer(t.Context(), bus.IncidentsStream, "dispatcher"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "dispatcher") {
		t.Errorf("Consume of a deleted consumer: %v, want an error that names it", err)
	}
}

func TestJournal(t *testing.T) {
	b := bustest.Start(t)
	ctx := t.Context()
	add := func(r bus.Record, last uint64) (uint64, error) { return b.Append(ctx, "sms", r, last) }
	if es, err := b.Journal(ctx, "sms", 1, 0); err != nil || len(es) != 0 {
		t.Errorf("a journal that isn't there: %v, %v", es, err)
	}
	claim := bus.Record{Batch: 1, Step: 1, Try: 2, Through: 4}
	first, err := add(claim, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := add(bus.Record{Batch: 2, Through: 9}, 0); err != nil { // another batch is another journal
		t.Fatal(err)
	}
	if _, err := b.Append(ctx, "email", claim, 0); err != nil { // and so is another channel
		t.Fatal(err)
	}
	for _, last := range []uint64{0, first + 1, first + 2} {
		if _, err := add(bus.Record{Batch: 1}, last); !errors.Is(err, bus.ErrOvertaken) {
			t.Errorf("a second claim that expects %d: %v, want ErrOvertaken", last, err)
		}
	}
	results := bus.Record{Batch: 1, Step: 1, Try: 2, Through: 8, Results: []bus.Result{
		{Index: 0, Notification: 10, State: bus.ResultAccepted, Proof: channels.Accepted, ProviderID: "p"},
		{Index: 1, Notification: 11, State: bus.ResultReturned, Class: channels.RateLimited, Code: "429", RetryAfter: 1500, Repeat: true},
	}}
	second, err := add(results, first)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Revoke(ctx, "sms", 1, []int64{12, 13}); err != nil {
		t.Fatal(err)
	}
	if _, err := add(bus.Record{Batch: 1, Through: 12}, second); !errors.Is(err, bus.ErrOvertaken) {
		t.Errorf("a record that didn't see the revocation: %v, want ErrOvertaken", err)
	}
	es, err := b.Journal(ctx, "sms", 1, 0)
	if err != nil || len(es) != 3 {
		t.Fatalf("journal %+v, %v", es, err)
	}
	want := []bus.Entry{{claim, first}, {results, second}, {bus.Record{Batch: 1, Revoked: []int64{12, 13}}, es[2].Sequence}}
	if d := cmp.Diff(want, es); d != "" {
		t.Errorf("journal (-want +got):\n%s", d)
	}
	if es, err = b.Journal(ctx, "sms", 1, second); err != nil || len(es) != 1 || len(es[0].Revoked) != 2 {
		t.Errorf("what follows the second record: %+v, %v", es, err)
	}
	if _, err := add(bus.Record{Batch: 1, Through: 12}, es[0].Sequence); err != nil {
		t.Errorf("a record that has read it: %v", err)
	}
}

func TestRevocationBeforeTheClaim(t *testing.T) {
	b := bustest.Start(t)
	if err := b.Revoke(t.Context(), "sms", 1, []int64{12}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Append(t.Context(), "sms", bus.Record{Batch: 1, Through: 4}, 0); !errors.Is(err, bus.ErrOvertaken) {
		t.Errorf("a claim that didn't see the revocation: %v, want ErrOvertaken", err)
	}
}

func TestReceiptsRoundTrip(t *testing.T) {
	b := bustest.Start(t)
	want := bus.Receipts{Channel: "sms", Receipts: []bus.Receipt{
		{Notification: 7, Step: 1, Try: 2, State: channels.ReceiptDelivered, Code: "0", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{ProviderID: "p", State: channels.ReceiptFailed},
	}}
	if err := b.PublishReceipts(t.Context(), "twilio", want); err != nil {
		t.Fatal(err)
	}
	got := make(chan jetstream.Msg, 1)
	consume(t, b, bus.ReceiptsStream, "fallback", "", func(m jetstream.Msg) { _ = m.Ack(); got <- m })
	m := <-got
	var r bus.Receipts
	if err := json.Unmarshal(m.Data(), &r); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, r); d != "" || m.Subject() != "receipts.sms.twilio" || bus.ChannelOf(m.Subject()) != "sms" {
		t.Errorf("%s (-want +got):\n%s", m.Subject(), d)
	}
}

func TestSubjects(t *testing.T) {
	for got, want := range map[string]string{
		bus.IncidentSubject("payments"):                  "incidents.payments",
		bus.RejectedSubject("payments"):                  "rejected.payments",
		bus.SendSubject("sms", notification.Normal):      "send.sms.normal",
		bus.ResultsSubject("sms", 42):                    "results.sms.42",
		bus.TeamOf("incidents.payments"):                 "payments",
		bus.TeamOf("incidents"):                          "",
		bus.ChannelOf("results.sms.42"):                  "sms",
		bus.LaneConsumer("sms", notification.Urgent):     "lane-sms-urgent",
		bus.ChannelOf("results"):                         "",
		bus.ReceiptsSubject("sms", "twilio"):             "receipts.sms.twilio",
		fmt.Sprint(len(bus.StreamNames())) + " streams":  "9 streams",
		bus.ChannelOf(bus.SendSubject("x", "y")) + "/in": "x/in",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTeamMayPublishItsOwnSubjectOnly(t *testing.T) {
	s := start(t, bus.ServerOptions{Users: []bus.User{
		{Name: "tocsin", Password: "t"},
		{Name: "payments", Password: "p", Publish: []string{"incidents.payments"}, Subscribe: []string{"_INBOX.>"}},
		{Name: "mute", Password: "m", Subscribe: []string{"_INBOX.>"}},
	}})
	b := connect(t, bus.Options{Server: s, User: "tocsin", Password: "t"})

	refused := make(chan error, 16)
	dial := func(name, password string) *nats.Conn {
		nc, err := nats.Connect(s.URL(), nats.UserInfo(name, password), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	team, mute := dial("payments", "p"), dial("mute", "m")
	js, err := jetstream.New(team)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "incidents.payments", []byte("{}")); err != nil {
		t.Errorf("publishing on its own subject: %v", err)
	}
	denied := func(nc *nats.Conn, subject string) {
		t.Helper()
		if err := nc.Publish(subject, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-refused:
			if !errors.Is(err, nats.ErrPermissionViolation) && !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s was not refused", subject)
		}
	}
	for _, subject := range []string{
		"incidents.loans", "incidents.payments.more", "rejected.payments", "send.sms.urgent", "results.sms.1", "receipts.sms.twilio",
		"outcomes.payments.a", "$JS.API.STREAM.DELETE.SEND", "$JS.API.CONSUMER.CREATE.SEND", "$JS.API.DIRECT.GET.SEND", "$SYS.REQ.SERVER.PING",
	} {
		denied(team, subject)
	}
	denied(mute, "incidents.payments")
	if _, err := team.SubscribeSync("send.>"); err != nil {
		t.Fatal(err)
	}
	if err := team.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := <-refused; !strings.Contains(err.Error(), "send.>") {
		t.Errorf("listening to the lanes' queue: %v", err)
	}
	for name, want := range map[string]uint64{bus.IncidentsStream: 1, bus.SendStream: 0, bus.ResultsStream: 0, bus.ReceiptsStream: 0} {
		if st := state(t, b, name); st.Messages != want {
			t.Errorf("%s has %d messages, want %d", name, st.Messages, want)
		}
	}
}

func TestFullStreamRefuses(t *testing.T) {
	b := connect(t, bus.Options{Server: start(t, bus.ServerOptions{}), MaxBytes: 256 << 10})
	body := []byte(strings.Repeat("x", 1<<10))
	var err error
	stored := uint64(0)
	for err == nil && stored < 1000 {
		if err = b.PublishUpdate(t.Context(), "payments", "x", body); err == nil {
			stored++
		}
	}
	if !errors.Is(err, bus.ErrFull) || !strings.Contains(err.Error(), "nats.max_bytes") {
		t.Fatalf("after %d messages: %v; want ErrFull with the remedy", stored, err)
	}
	if st := state(t, b, bus.IncidentsStream); st.Messages != stored {
		t.Errorf("%d messages kept of %d: a full stream forgets nothing", st.Messages, stored)
	}
	if err := b.Room(t.Context()); !errors.Is(err, bus.ErrFull) || !strings.Contains(err.Error(), bus.IncidentsStream) {
		t.Errorf("room: %v, want ErrFull for %s", err, bus.IncidentsStream)
	}
	// The same for what is published many at a time, and for journals.
	big := batch(1)
	big.Content.Text = notification.Literal(strings.Repeat("x", 60<<10))
	var batches []bus.Batch
	for id := range int64(4) {
		big.ID = id + 1
		batches = append(batches, big)
	}
	if err := b.PublishBatches(t.Context(), batches); !errors.Is(err, bus.ErrFull) {
		t.Errorf("batches: %v, want ErrFull", err)
	}
	record := bus.Record{Batch: 1, Results: []bus.Result{{Code: strings.Repeat("x", 90<<10)}}}
	if _, err := b.Append(t.Context(), "sms", record, 0); !errors.Is(err, bus.ErrFull) {
		t.Errorf("journal: %v, want ErrFull", err)
	}
}

// TestRejectedForgetsTheOldest: nonsense must not keep other updates waiting.
func TestRejectedForgetsTheOldest(t *testing.T) {
	b := connect(t, bus.Options{Server: start(t, bus.ServerOptions{}), MaxBytes: 512 << 10})
	body := []byte(strings.Repeat("x", 1<<10))
	for range 100 {
		if err := b.PublishMessage(t.Context(), bus.RejectedSubject("payments"), nil, body); err != nil {
			t.Fatal(err)
		}
	}
	if st := state(t, b, bus.RejectedStream); st.Messages == 0 || st.Messages >= 100 {
		t.Errorf("%d of 100 messages kept, want the newest", st.Messages)
	}
}

func TestTooLargeIsNotFull(t *testing.T) {
	b := bustest.Start(t)
	err := b.PublishUpdate(t.Context(), "payments", "x", make([]byte, 1<<20+1))
	if err == nil || errors.Is(err, bus.ErrFull) || errors.Is(err, bus.ErrOvertaken) {
		t.Errorf("a message that is too large: %v", err)
	}
}

func TestPublishStopsWithItsContext(t *testing.T) {
	b := bustest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.PublishBatches(ctx, []bus.Batch{batch(1)}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("publishing under an ended context: %v", err)
	}
	if _, err := b.Append(ctx, "sms", bus.Record{Batch: 1}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("appending under an ended context: %v", err)
	}
}
