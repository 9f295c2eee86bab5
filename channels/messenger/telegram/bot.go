package telegram

import (
	"context"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// Bot is a bot for those who post with it elsewhere than in people's chats: in public channels. It is
// safe for concurrent use.
type Bot struct{ sender *sender }

// NewBot makes a bot. The base URL is the Bot API's own where c has none; errors name the key.
func NewBot(c Config, env channels.Env) (*Bot, error) {
	s, err := newSender(func(into any) error {
		own := into.(*Config)
		own.Token = c.Token
		if c.BaseURL != "" {
			own.BaseURL = c.BaseURL
		}
		return nil
	}, env)
	if err != nil {
		return nil, err
	}
	return &Bot{s.(*sender)}, nil
}

// reply is the body of sendMessage for a message that follows another
// (https://core.telegram.org/bots/api#replyparameters).
type reply struct {
	request
	To *replyParameters `json:"reply_parameters,omitempty"`
}

type replyParameters struct {
	MessageID int64 `json:"message_id"`
	// WithoutIt has the message sent by itself where the other one is gone.
	WithoutIt bool `json:"allow_sending_without_reply"`
}

// Post posts a text in a chat, as a reply to the message there with the id given, if there is one still;
// the id is "" for a post by itself. Errors are those of [channels.Sender].
func (b *Bot) Post(ctx context.Context, chat, text, replyTo string) (channels.Ack, error) {
	if err := messenger.CheckLength(text, maxText); err != nil {
		return channels.Ack{}, err
	}
	m := reply{request: request{ChatID: chatID(chat), Text: text, LinkPreview: linkPreview{Disabled: true}}}
	if id, err := strconv.ParseInt(strings.TrimPrefix(replyTo, markOf(b.sender.bot, chat)), 10, 64); err == nil && id > 0 {
		m.To = &replyParameters{MessageID: id, WithoutIt: true}
	}
	answer, err := messenger.PostJSON(ctx, b.sender.api, b.sender.path+"/sendMessage", nil, m)
	if err != nil {
		return channels.Ack{}, err
	}
	return b.sender.readAck(answer, chat, "")
}

// Recall takes back a post in a chat by its id, as [channels.Recaller] does.
func (b *Bot) Recall(ctx context.Context, chat, id string) error {
	return b.sender.Recall(ctx, channels.Sent{Address: chat, ProviderID: id})
}

// Probe asks whether the bot's token holds, as [channels.Prober] does.
func (b *Bot) Probe(ctx context.Context) error { return b.sender.Probe(ctx) }
