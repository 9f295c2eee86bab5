package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Consume calls handle for every message of a durable consumer on a stream until ctx ends, and
// returns when no call is under way. Consumers of the same name share the messages, over all
// processes. handle must acknowledge each message, then or later. While the cluster has no leader it
// waits. It is an error if the consumer ends before ctx does, as it would if somebody deleted it: a
// role that hears nothing any more must not look alive.
func (b *Bus) Consume(ctx context.Context, stream, name, filter string, pending int, handle func(jetstream.Msg)) error {
	c, err := b.consumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: name, FilterSubject: filter, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: AckWait, MaxAckPending: pending, MaxDeliver: -1,
	})
	if ctx.Err() != nil {
		return nil // ended before it began
	}
	if err != nil {
		return fmt.Errorf("nats: consumer %s on %s: %w", name, stream, err)
	}
	gone := make(chan struct{}, 1)
	cc, err := c.Consume(handle, jetstream.PullMaxMessages(pending), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		if errors.Is(err, jetstream.ErrNoHeartbeat) && b.deleted(ctx, c) {
			select {
			case gone <- struct{}{}:
			default:
			}
		}
	}))
	if err != nil {
		return fmt.Errorf("nats: consuming %s: %w", stream, err)
	}
	defer func() { cc.Stop(); <-cc.Closed() }()
	select {
	case <-gone:
	case <-cc.Closed():
	case <-ctx.Done():
		return nil
	}
	return fmt.Errorf("nats: consumer %s on %s was deleted, or its connection closed", name, stream)
}

// consumer makes the consumer, or finds it; it waits while the cluster has no leader.
func (b *Bus) consumer(ctx context.Context, stream string, cfg jetstream.ConsumerConfig) (c jetstream.Consumer, err error) {
	err = insist(ctx, func(ctx context.Context) error {
		c, err = b.js.CreateOrUpdateConsumer(ctx, stream, cfg)
		return err
	})
	return c, err
}

// deleted reports whether a consumer that has gone silent is no more: the word that it was deleted
// is lost with a connection.
func (b *Bus) deleted(ctx context.Context, c jetstream.Consumer) bool {
	_, err := c.Info(ctx)
	return errors.Is(err, jetstream.ErrConsumerNotFound)
}

// Behind returns how long ago the oldest message of a stream was stored that a consumer's readers
// have not acknowledged: everything older has been dealt with by one of them. It is 0 when they have
// dealt with everything.
func (b *Bus) Behind(ctx context.Context, stream, consumer string) (time.Duration, error) {
	c, err := b.js.Consumer(ctx, stream, consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return 0, nil // nobody has read yet: the reader makes it
	}
	if err != nil {
		return 0, readError("consumer "+consumer+" on "+stream, err)
	}
	info := c.CachedInfo()
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return 0, nil
	}
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, readError("stream "+stream, err)
	}
	m, err := s.GetMsg(ctx, info.AckFloor.Stream+1, jetstream.WithGetMsgSubject(">"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil // acknowledged or aged out meanwhile
	}
	if err != nil {
		return 0, readError("stream "+stream, err)
	}
	return max(0, time.Since(m.Time)), nil
}
