package bus_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

// TestStreamsAreBroughtUpToDate: what can be changed without a loss is, with a word in the log for
// each field; what Tocsin has no opinion about stays.
func TestStreamsAreBroughtUpToDate(t *testing.T) {
	s := start(t, bus.ServerOptions{})
	js := admin(t, s.URL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: bus.ResultsStream, Description: "as an older version left it", Subjects: []string{"results.*.*"}, MaxBytes: 1 << 20, MaxMsgs: 1 << 20,
		MaxAge: time.Hour, AllowDirect: true, Metadata: map[string]string{"team": "operations"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "results.sms.1", []byte(`{"batch":1}`)); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	b := connect(t, bus.Options{URL: s.URL(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, field := range []string{"max_bytes", "max_age", "max_msg_size", "discard", "duplicate_window", "allow_direct", "description"} {
		if !strings.Contains(log.String(), "field="+field+" ") {
			t.Errorf("no word of %s in the log:\n%s", field, log.String())
		}
	}
	str, err := js.Stream(t.Context(), bus.ResultsStream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := str.CachedInfo().Config
	if cfg.AllowDirect || cfg.Discard != jetstream.DiscardNew || cfg.MaxBytes != bustest.MaxBytes/4 || cfg.MaxAge != 72*time.Hour {
		t.Errorf("not as wanted: %+v", cfg)
	}
	if cfg.Metadata["team"] != "operations" || cfg.MaxMsgs != 1<<20 {
		t.Errorf("changed what is none of our business: %+v", cfg)
	}
	if es, err := b.Journal(t.Context(), "sms", 1, 0); err != nil || len(es) != 1 {
		t.Errorf("what was stored: %+v, %v", es, err)
	}
	log.Reset()
	connect(t, bus.Options{URL: s.URL(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if log.Len() > 0 {
		t.Errorf("a second start finds differences:\n%s", log.String())
	}
}

// TestNewStreamFindsItsRoom: where all the room that there is belongs to streams as an older version made
// them, the one that is new since gets what they give up.
func TestNewStreamFindsItsRoom(t *testing.T) {
	s := start(t, bus.ServerOptions{})
	connect(t, bus.Options{URL: s.URL()}).Close()
	js := admin(t, s.URL())
	if err := js.DeleteStream(t.Context(), bus.RecallsStream); err != nil {
		t.Fatal(err)
	}
	for name, share := range map[string]float64{bus.ReceiptsStream: 0.2, bus.InquiriesStream: 0.02} {
		str, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		cfg := str.CachedInfo().Config
		cfg.MaxBytes = int64(share * bustest.MaxBytes)
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	left := int64(bustest.MaxBytes)
	all := js.ListStreams(t.Context())
	for info := range all.Info() {
		left -= info.Config.MaxBytes
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", MaxBytes: left}); err != nil || all.Err() != nil {
		t.Fatal(err, all.Err())
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "MORE", MaxBytes: 1}); err == nil {
		t.Fatal("there is room left")
	}
	for _, subject := range []string{bus.ReceiptsSubject("sms", "p"), bus.InquiriesSubject("sms")} {
		if _, err := js.Publish(t.Context(), subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	b := connect(t, bus.Options{URL: s.URL()})
	for name, want := range map[string]uint64{bus.ReceiptsStream: 1, bus.InquiriesStream: 1, bus.RecallsStream: 0} {
		if st := state(t, b, name); st.Messages != want || st.MaxBytes <= 0 {
			t.Errorf("%+v, want %d messages", st, want)
		}
	}
	if err := b.PublishRecalls(t.Context(), bus.Inquiries{Channel: "sms"}); err != nil {
		t.Error(err)
	}
}

// TestNothingIsDestroyed: a stream that can't be brought to what is wanted without a loss is left as
// it is, and the start fails with the field, both values and what to do.
func TestNothingIsDestroyed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		is     jetstream.StreamConfig
		filled bool
		want   []string
	}{
		{"retention", jetstream.StreamConfig{Name: bus.ResultsStream, Subjects: []string{"results.*.*"}, Retention: jetstream.WorkQueuePolicy}, false,
			[]string{"RESULTS", "retention is WorkQueue and must be Limits", "delete it"}},
		{"storage", jetstream.StreamConfig{Name: bus.ResultsStream, Subjects: []string{"results.*.*"}, Storage: jetstream.MemoryStorage}, false,
			[]string{"storage is Memory and must be File", "delete it"}},
		{"subjects", jetstream.StreamConfig{Name: bus.ResultsStream, Subjects: []string{"results.*.*", "audit.>"}}, false,
			[]string{"subjects is [results.*.* audit.>] and must be [results.*.*]", "by hand"}},
		{"max_bytes", jetstream.StreamConfig{Name: bus.ResultsStream, Subjects: []string{"results.*.*"}, MaxBytes: 1 << 30}, true,
			[]string{"max_bytes is 1073741824 and must be 65536", "nats.max_bytes"}},
		{"two at once", jetstream.StreamConfig{Name: bus.ResultsStream, Subjects: []string{"results.*.*", "audit.>"}, Storage: jetstream.MemoryStorage}, false,
			[]string{"storage is", "subjects is"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, bus.ServerOptions{MaxBytes: 4 << 30})
			js := admin(t, s.URL())
			if _, err := js.CreateStream(t.Context(), tt.is); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := js.Publish(t.Context(), "results.sms.1", make([]byte, 30<<10)); err != nil && tt.filled {
					t.Fatal(err)
				}
			}
			b, err := bus.Connect(t.Context(), bus.Options{URL: s.URL(), MaxBytes: 256 << 10})
			if err == nil {
				b.Close()
				t.Fatal("it started")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v; want it to say %q", err, want)
				}
			}
			after, err := js.Stream(t.Context(), bus.ResultsStream)
			if err != nil {
				t.Fatal(err)
			}
			if info := after.CachedInfo(); info.State.Msgs != 3 || len(info.Config.Subjects) != len(tt.is.Subjects) {
				t.Errorf("the stream has been changed: %+v", info)
			}
		})
	}
}

func TestTooManyReplicasAreRefused(t *testing.T) {
	s := start(t, bus.ServerOptions{})
	if b, err := bus.Connect(t.Context(), bus.Options{URL: s.URL(), MaxBytes: bustest.MaxBytes, Replicas: 3}); err == nil {
		b.Close()
		t.Error("three replicas on one server went well")
	} else if !strings.Contains(err.Error(), "replicas") {
		t.Errorf("three replicas on one server: %v", err)
	}
}
