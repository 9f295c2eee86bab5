// Package channel posts in public Telegram channels as a bot that is one of their administrators.
// (The package above it writes to people, through the same Bot API.)
//
// The recipient of a public post is the channel in which it appears, so a message's address is one of the
// channels of the configuration: a post for any other is refused before it can appear in the wrong place.
// Once Telegram has answered with the post's id the post is there to be read, so the answer itself proves
// Delivered.
//
// A bot can neither name a post beforehand nor read what it has posted: an answer that was lost leaves the
// post in doubt, and it is not made again, as no public post is. A post whose thread's first one was deleted stands by itself, which one request says
// (allow_sending_without_reply).
//
// A bot that may post in a channel can delete its posts for 48 hours.
//
// Wire format and errors follow https://core.telegram.org/bots/api#sendmessage, #replyparameters and
// #deletemessage.
package channel

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram"
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "telegram_channel",
		Title:    "Telegram channels",
		Kind:     channels.Social,
		Channel:  "telegram_channel",
		Proofs:   []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		Threads:  true,
		// https://core.telegram.org/bots/api#deletemessage
		RecallWithin: telegram.RecallWithin,
		// https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: 20 messages a
		// minute in one chat of many, one a second in any.
		Limits:  channels.Limits{PerSecond: 0.3, Concurrency: 1, Timeout: 15 * time.Second},
		Docs:    "https://core.telegram.org/bots/api#sendmessage",
		Example: "token: 123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11\nchannels: [\"@bank_notices\", \"@bank_notices_ru\"]\n",
		New:     newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// Token is the bot's token, as BotFather gave it.
	Token channels.Secret `yaml:"token"`
	// BaseURL is where the Bot API is, for a server of one's own or the sandbox.
	BaseURL string `yaml:"base_url"`
	// Channels are those in which the bot may post: "@name", or the id of one without a name.
	Channels []string `yaml:"channels"`
}

// channelForm is a public channel's name, or a channel's id.
var channelForm = regexp.MustCompile(`^(@[A-Za-z][A-Za-z0-9_]{3,31}|-100[0-9]{1,16})$`)

type sender struct {
	bot      *telegram.Bot
	channels map[string]string // as the Bot API takes them, by key
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	all, err := c.check()
	if err != nil {
		return nil, err
	}
	bot, err := telegram.NewBot(telegram.Config{Token: c.Token, BaseURL: c.BaseURL}, env)
	if err != nil {
		return nil, err
	}
	return &sender{bot: bot, channels: all}, nil
}

func (c *Config) check() (map[string]string, error) {
	if len(c.Channels) == 0 {
		return nil, errors.New(`channels: missing, want at least one, as in ["@bank_notices"]`)
	}
	all := make(map[string]string, len(c.Channels))
	for _, name := range c.Channels {
		if !channelForm.MatchString(name) {
			return nil, fmt.Errorf("channels: %q is neither a channel's @name nor its id", name)
		}
		all[key(name)] = name
	}
	return all, nil
}

// key is how a channel is looked up: names are the same in any case, and with or without their "@".
func key(name string) string { return strings.ToLower(strings.TrimPrefix(name, "@")) }

// Send implements [channels.Sender]. The address is one of the configured channels.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	channel, err := s.channel(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	ack, err := s.bot.Post(ctx, channel, m.Text, m.Thread)
	if err != nil {
		return channels.Ack{}, err
	}
	ack.Proof = channels.Delivered
	return ack, nil
}

// channel returns the channel of an address as the Bot API takes it.
func (s *sender) channel(address string) (string, error) {
	channel, ok := s.channels[key(address)]
	if !ok {
		return "", &channels.Error{
			Class: channels.InvalidAddress, Code: "no_such_channel", Err: errors.New("not among the channels configured"),
		}
	}
	return channel, nil
}

// Recall implements [channels.Recaller] with deleteMessage (https://core.telegram.org/bots/api#deletemessage).
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	channel, err := s.channel(m.Address)
	if err != nil {
		return err
	}
	return s.bot.Recall(ctx, channel, m.ProviderID)
}

// Probe implements [channels.Prober] with getMe.
func (s *sender) Probe(ctx context.Context) error { return s.bot.Probe(ctx) }

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
