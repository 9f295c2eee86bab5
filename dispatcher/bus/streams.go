package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	InquiriesStream = "INQUIRIES"
	RecallsStream   = "RECALLS"
	OrdersStream    = "ORDERS"
	OutcomesStream  = "OUTCOMES"
)

const (
	day            = 24 * time.Hour
	largestMessage = 1 << 20
)

// streams lists the settings of all streams, with sizes for a total of maxBytes. A full stream
// refuses new messages rather than forget old ones: its publishers stop, and say so. Only REJECTED and
// OUTCOMES forget.
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
			MaxMsgSize:  largestMessage,
			Duplicates:  10 * time.Minute,
			AllowDirect: true,
		}
	}
	send := stream(SendStream, "batches on their way to the lanes", "send.*.*", 0.34, 0)
	send.Retention = jetstream.WorkQueuePolicy
	rejected := stream(RejectedStream, "updates that were refused, whole, with what was wrong", "rejected.*", 0.04, 30*day)
	rejected.MaxMsgSize += 64 << 10 // room for the faults beside the largest update
	// The ledger keeps them too. Were this one to refuse, whoever publishes nonsense could keep
	// everybody's updates waiting behind their own.
	rejected.Discard = jetstream.DiscardOld
	outcomes := stream(OutcomesStream, "what became of what customers were promised", "outcomes.*.*", 0.01, 30*day)
	outcomes.Discard = jetstream.DiscardOld // it needs no reader
	results := stream(ResultsStream, "journals of the batches: what lanes promise and report", "results.*.*", 0.25, 3*day)
	receipts := stream(ReceiptsStream, "what providers said of attempts", "receipts.*.*", 0.19, 3*day)
	inquiries := stream(InquiriesStream, "attempts that providers are to be asked about", "inquiries.*", 0.01, inquiriesAge)
	inquiries.Retention = jetstream.WorkQueuePolicy // and gone once asked: there may be addresses in it
	recalls := stream(RecallsStream, "messages that providers are to take back", "recalls.*", 0.02, RecallsAge)
	recalls.Retention = jetstream.WorkQueuePolicy // there are addresses in it
	// A direct read may be answered by a follower that lags: what decides about sending is read from
	// the leader.
	results.AllowDirect, receipts.AllowDirect = false, false
	return []jetstream.StreamConfig{
		stream(IncidentsStream, "updates as upstream services publish them", "incidents.*", 0.06, 30*day),
		rejected,
		send,
		stream(OrdersStream, "operators' orders", "orders.*", 0.04, 30*day),
		results,
		receipts,
		inquiries,
		outcomes,
		recalls, // last, so that the others have been made smaller where it is new
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

// Room returns nil while every stream can take its largest message; else ErrFull for each that
// can't. REJECTED and OUTCOMES always can: they forget the oldest. INQUIRIES needn't: what finds no room there isn't
// asked, and is left to receipts and deadlines. Neither need RECALLS, which holds up nothing but itself.
func (b *Bus) Room(ctx context.Context) error {
	states, err := b.States(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range states {
		if slices.Contains([]string{RejectedStream, OutcomesStream, InquiriesStream, RecallsStream}, s.Name) {
			continue
		}
		if s.MaxBytes > 0 && s.MaxBytes-int64(s.Bytes) < largestMessage {
			errs = append(errs, fmt.Errorf("nats: %s: %w", s.Name, ErrFull))
		}
	}
	return errors.Join(errs...)
}

// StreamState is how full a stream is.
type StreamState struct {
	Name            string
	Messages, Bytes uint64
	MaxBytes        int64
}

// States returns how full the streams are.
func (b *Bus) States(ctx context.Context) ([]StreamState, error) {
	return b.states(ctx, func(error) bool { return false })
}

// states leaves out streams whose reading fails with an error to be passed over.
func (b *Bus) states(ctx context.Context, pass func(error) bool) ([]StreamState, error) {
	var states []StreamState
	for _, name := range StreamNames() {
		s, err := b.js.Stream(ctx, name)
		if err != nil && pass(err) {
			continue
		}
		if err != nil {
			return nil, readError("stream "+name, err)
		}
		info := s.CachedInfo()
		states = append(states, StreamState{name, info.State.Msgs, info.State.Bytes, info.Config.MaxBytes})
	}
	return states, nil
}
