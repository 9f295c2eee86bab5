// Package bus is Tocsin's use of NATS JetStream: the embedded server, the streams and their
// subjects, the messages on them, and the few operations that the roles need.
//
// It is no abstraction over NATS: the streams are the interface between roles and to the outside,
// and are the same whether the server runs inside the process or is a cluster.
package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Errors that callers act on.
var (
	// ErrOvertaken: the batch's journal has records that this writer has not seen.
	ErrOvertaken = errors.New("the batch's journal has gone on")
	// ErrFull: a stream has no room; nothing was stored.
	ErrFull = errors.New("stream is full")
	// ErrUnavailable: NATS can't be reached just now, or has no leader for the stream, or its answer
	// was lost. What was asked may have been done; it is worth asking again.
	ErrUnavailable = errors.New("NATS does not answer at the moment")
)

// Bus is a connection to NATS. It is safe for concurrent use.
type Bus struct {
	nc  *nats.Conn
	js  jetstream.JetStream
	log *slog.Logger
}

// Close sends what is still to be sent, and ends the connection.
func (b *Bus) Close() {
	if b.nc.IsConnected() {
		_ = b.nc.FlushTimeout(closeTimeout) // acknowledgements are not waited for one by one
	}
	b.nc.Close()
}

const closeTimeout = 2 * time.Second

// Healthy returns nil while connected and JetStream answers.
func (b *Bus) Healthy(ctx context.Context) error {
	if !b.nc.IsConnected() {
		return fmt.Errorf("nats: not connected: %w", errors.Join(b.nc.LastError(), nats.ErrDisconnected))
	}
	_, err := b.js.AccountInfo(ctx)
	return err
}

// PublishUpdate publishes an encoded CloudEvent under a team's subject.
func (b *Bus) PublishUpdate(ctx context.Context, team, contentType string, body []byte) error {
	m := nats.NewMsg(IncidentSubject(team))
	m.Header.Set("Content-Type", contentType)
	m.Data = body
	return b.publish(ctx, m)
}

// PublishMessage publishes a message with headers as it is.
func (b *Bus) PublishMessage(ctx context.Context, subject string, header map[string][]string, body []byte) error {
	return b.publish(ctx, &nats.Msg{Subject: subject, Header: header, Data: body})
}

func (b *Bus) publish(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) error {
	_, err := b.js.PublishMsg(ctx, m, opts...)
	return storeError(m.Subject, err)
}

// storeError names the failures that have a meaning of their own.
func storeError(subject string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch {
		case e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence,
			e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant: // what replicated streams say
			return ErrOvertaken
		case noRoom(e):
			return fmt.Errorf("nats: publishing to %s: %w (raise nats.max_bytes, or see what has stopped reading): %w", subject, ErrFull, err)
		}
	}
	if passing(err) {
		return fmt.Errorf("nats: publishing to %s: %w: %w", subject, ErrUnavailable, err)
	}
	return fmt.Errorf("nats: publishing to %s: %w", subject, err)
}

// Error codes of the server that the client library doesn't name (errors.json of nats-server).
const (
	codeInsufficientResources    jetstream.ErrorCode = 10023 // the server's own bound is reached
	codeStorageResourcesExceeded jetstream.ErrorCode = 10047 // the same, for an account's
	codeStoreFailed              jetstream.ErrorCode = 10077 // any failure to store: its description says which
)

// noRoom reports whether a refusal means that there is no room for any message.
func noRoom(e *jetstream.APIError) bool {
	switch e.ErrorCode {
	case codeInsufficientResources, codeStorageResourcesExceeded:
		return true
	case codeStoreFailed:
		return strings.Contains(e.Description, "maximum bytes") || strings.Contains(e.Description, "no space left")
	default:
		return false
	}
}

// PublishBatches hands batches to their lanes' queues and returns when all are stored. A batch that
// is already there is not stored twice.
func (b *Bus) PublishBatches(ctx context.Context, batches []Batch) error {
	futures := make([]jetstream.PubAckFuture, 0, len(batches))
	for i := range batches {
		body, err := json.Marshal(&batches[i])
		if err != nil {
			return fmt.Errorf("encoding batch %d: %w", batches[i].ID, err)
		}
		subject := SendSubject(batches[i].Channel, batches[i].Priority)
		f, err := b.js.PublishAsync(subject, body, jetstream.WithMsgID(fmt.Sprintf("batch-%d", batches[i].ID)))
		if err != nil {
			return storeError(subject, err)
		}
		futures = append(futures, f)
	}
	return wait(ctx, futures)
}

func wait(ctx context.Context, futures []jetstream.PubAckFuture) error {
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return storeError(f.Msg().Subject, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// PublishReceipts stores receipts and returns when they are.
func (b *Bus) PublishReceipts(ctx context.Context, provider string, r Receipts) error {
	body, err := json.Marshal(&r)
	if err != nil {
		return fmt.Errorf("encoding receipts: %w", err)
	}
	return b.publish(ctx, &nats.Msg{Subject: ReceiptsSubject(r.Channel, provider), Data: body})
}

// Append adds a record to a batch's journal, if the journal's last record is still the one with
// sequence last (0: none yet), and returns the new record's sequence. Otherwise it returns
// ErrOvertaken and nothing is added.
func (b *Bus) Append(ctx context.Context, channel string, r Record, last uint64) (uint64, error) {
	body, err := json.Marshal(&r)
	if err != nil {
		return 0, fmt.Errorf("encoding a journal record: %w", err)
	}
	subject := ResultsSubject(channel, r.Batch)
	ack, err := b.js.Publish(ctx, subject, body, jetstream.WithExpectLastSequencePerSubject(last))
	if err != nil {
		return 0, storeError(subject, err)
	}
	return ack.Sequence, nil
}

// Revoke adds a revocation to a batch's journal, whatever stands there.
func (b *Bus) Revoke(ctx context.Context, channel string, batch int64, notifications []int64) error {
	body, err := json.Marshal(&Record{Batch: batch, Revoked: notifications})
	if err != nil {
		return fmt.Errorf("encoding a revocation: %w", err)
	}
	return b.publish(ctx, &nats.Msg{Subject: ResultsSubject(channel, batch), Data: body})
}

// Entry is a record in a batch's journal.
type Entry struct {
	Record
	Sequence uint64
}

// Journal reads the records of a batch's journal that follow the one with sequence after, in order.
// The stream's leader is asked, never a follower that may lag (RESULTS allows no direct reads): what
// was acknowledged before the call is seen. A record that is being stored just then may not be.
func (b *Bus) Journal(ctx context.Context, channel string, batch int64, after uint64) ([]Entry, error) {
	stream, err := b.js.Stream(ctx, ResultsStream)
	if err != nil {
		return nil, readError("stream "+ResultsStream, err)
	}
	var entries []Entry
	for {
		m, err := stream.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(ResultsSubject(channel, batch)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return entries, nil
		}
		if err != nil {
			return nil, readError(fmt.Sprintf("the journal of batch %d", batch), err)
		}
		e := Entry{Sequence: m.Sequence}
		if err := json.Unmarshal(m.Data, &e.Record); err != nil {
			return nil, fmt.Errorf("journal of batch %d, record %d: %w", batch, m.Sequence, err)
		}
		entries, after = append(entries, e), m.Sequence
	}
}

// AckWait is how long a message may stay unacknowledged before it is delivered again. Whoever needs
// longer says so meanwhile.
const AckWait = 10 * time.Second

// LaneConsumer names the consumer of one channel's queue for one priority.
func LaneConsumer(channel string, p notification.Priority) string {
	return "lane-" + channel + "-" + string(p)
}
