package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Inquiries is what travels on INQUIRIES: attempts of a channel of which a provider is to be asked what
// became of them. The fallback engine asks about those that the provider took and did not report on,
// lanes about those of which they don't know whether the provider took them. Lanes do the asking;
// answers travel as receipts. In the same form messages travel on RECALLS that a provider is to take back,
// by its id and the address that they went to, which is "" where it isn't known any more.
type Inquiries struct {
	Channel string `json:"channel"`
	// NotBefore is when they may be asked first; zero is now. Until is when it is too late. Both are
	// machine time.
	NotBefore time.Time `json:"not_before,omitzero"`
	Until     time.Time `json:"until"`
	Inquiries []Inquiry `json:"inquiries"`
}

// Inquiry is about one attempt: by the provider's id, or where that is not known, by what was sent. Then
// it holds an address and a text, as SEND does, and is gone from its stream once it was answered or
// it is too late.
type Inquiry struct {
	Notification int64 `json:"n"`
	Step         uint8 `json:"step,omitempty"`
	Try          uint8 `json:"try,omitempty"`
	// Provider is the one to be asked; "" is each of the channel's.
	Provider   string `json:"provider,omitempty"`
	ProviderID string `json:"id,omitempty"`
	Address    string `json:"a,omitempty"`
	Text       string `json:"t,omitempty"`
	// After and Before bound the time at which it was sent, if it was.
	After  time.Time `json:"after,omitzero"`
	Before time.Time `json:"before,omitzero"`
	// Others are the provider's ids of messages to the address that are known to be other attempts'.
	Others []string `json:"others,omitempty"`
}

// inquiriesAge is how long an inquiry is kept at most.
const inquiriesAge = 15 * time.Minute

// RecallsAge is how long a recall is kept at most, and so how long a provider that is down is asked again.
const RecallsAge = 3 * day

// MaxRecalls is how many recalls one message carries at most: so many fit, however long their addresses and
// ids are.
const MaxRecalls = 64

// InquiriesSubject is where a channel's inquiries go.
func InquiriesSubject(channel string) string { return "inquiries." + channel }

// InquiriesConsumer names the consumer of one channel's inquiries.
func InquiriesConsumer(channel string) string { return "inquire-" + channel }

// PublishInquiries stores inquiries and returns when they are. The same id stores them once.
func (b *Bus) PublishInquiries(ctx context.Context, q Inquiries, id string) error {
	body, err := json.Marshal(&q)
	if err != nil {
		return fmt.Errorf("encoding inquiries: %w", err)
	}
	return b.publish(ctx, &nats.Msg{Subject: InquiriesSubject(q.Channel), Data: body}, jetstream.WithMsgID(id))
}

// RecallsSubject is where a channel's recalls go.
func RecallsSubject(channel string) string { return "recalls." + channel }

// RecallsConsumer names the consumer of one channel's recalls.
func RecallsConsumer(channel string) string { return "recall-" + channel }

// RoomForRecalls returns nil while RECALLS has room for much, and ErrFull once a quarter of it waits to be taken
// back: who tells of thousands begins only then, or they would tell of the first of them again and again, and
// fill with that whatever becomes free.
func (b *Bus) RoomForRecalls(ctx context.Context) error {
	s, err := b.js.Stream(ctx, RecallsStream)
	if err != nil {
		return readError("stream "+RecallsStream, err)
	}
	info := s.CachedInfo()
	if most := info.Config.MaxBytes; most > 0 && info.State.Bytes > uint64(most)/4 {
		return fmt.Errorf("nats: %s: %d messages wait: %w", RecallsStream, info.State.Msgs, ErrFull)
	}
	return nil
}

// PublishRecalls stores recalls and returns when they are. Stored twice, they are made twice, which changes
// nothing.
func (b *Bus) PublishRecalls(ctx context.Context, q Inquiries) error {
	body, err := json.Marshal(&q)
	if err != nil {
		return fmt.Errorf("encoding recalls: %w", err)
	}
	return b.publish(ctx, &nats.Msg{Subject: RecallsSubject(q.Channel), Data: body})
}
