package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams.
const (
	IncidentsStream = "INCIDENTS"
	RejectedStream  = "REJECTED"
	SendStream      = "SEND"
	ResultsStream   = "RESULTS"
	ReceiptsStream  = "RECEIPTS"
)

const day = 24 * time.Hour

// streams lists the settings of all streams, with sizes for a total of maxBytes. A full stream
// refuses new messages rather than forget old ones: its publishers stop, and say so.
func streams(maxBytes int64) []jetstream.StreamConfig {
	stream := func(name, description, subjects string, share float64, age time.Duration) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name:        name,
			Description: description,
			Subjects:    []string{subjects},
			Storage:     jetstream.FileStorage,
			Discard:     jetstream.DiscardNew,
			MaxBytes:    int64(share * float64(maxBytes)),
			MaxAge:      age,
			MaxMsgSize:  1 << 20,
			Duplicates:  10 * time.Minute,
			AllowDirect: true,
		}
	}
	send := stream(SendStream, "batches on their way to the lanes", "send.*.*", 0.4, 0)
	send.Retention = jetstream.WorkQueuePolicy
	rejected := stream(RejectedStream, "updates that were refused, whole, with what was wrong", "rejected.*", 0.04, 30*day)
	rejected.MaxMsgSize += 64 << 10 // room for the faults beside the largest update
	return []jetstream.StreamConfig{
		stream(IncidentsStream, "updates as upstream services publish them", "incidents.*", 0.08, 30*day),
		rejected,
		send,
		stream(ResultsStream, "journals of the batches: what lanes promise and report", "results.*.*", 0.25, 3*day),
		stream(ReceiptsStream, "what providers said of attempts", "receipts.*.*", 0.2, 3*day),
	}
}

// StreamNames lists the streams.
func StreamNames() []string {
	var names []string
	for _, s := range streams(0) {
		names = append(names, s.Name)
	}
	return names
}

// ensureStreams creates the streams that are missing and brings the others' settings up to date; the
// control bucket too.
func (b *Bus) ensureStreams(ctx context.Context, maxBytes int64) error {
	for _, cfg := range streams(maxBytes) {
		if _, err := b.js.CreateOrUpdateStream(ctx, cfg); err != nil {
			return fmt.Errorf("nats: stream %s: %w", cfg.Name, err)
		}
	}
	return b.ensureControl(ctx, maxBytes)
}

// StreamState is how full a stream is.
type StreamState struct {
	Name            string
	Messages, Bytes uint64
	MaxBytes        int64
}

// States returns how full the streams are.
func (b *Bus) States(ctx context.Context) ([]StreamState, error) {
	var states []StreamState
	for _, name := range StreamNames() {
		s, err := b.js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("nats: stream %s: %w", name, err)
		}
		info := s.CachedInfo()
		states = append(states, StreamState{name, info.State.Msgs, info.State.Bytes, info.Config.MaxBytes})
	}
	return states, nil
}
