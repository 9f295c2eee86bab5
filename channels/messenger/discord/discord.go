// Package discord posts to Discord channels through webhooks: for an organisation's own people, and for
// communities of customers.
//
// The address is the name of a webhook in the configuration, since its URL is a secret. Asked to wait, Discord
// answers with the message once it stands in the channel, so the answer itself proves Delivered, to the
// channel. Nobody is mentioned, whatever a text says: "@everyone" is a word. A webhook can delete its own
// messages at any time.
//
// Wire format follows https://discord.com/developers/docs/resources/webhook#execute-webhook, errors
// https://discord.com/developers/docs/topics/opcodes-and-status-codes.
package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

const (
	// maxText is how long a message may be, in characters; escapes count.
	maxText = 2000
	// maxBody bounds the JSON around the longest text.
	maxBody = 32 << 10
	// suppressEmbeds keeps previews of links away
	// (https://discord.com/developers/docs/resources/message#message-object-message-flags).
	suppressEmbeds = 1 << 2
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "discord",
		Title:    "Discord webhooks",
		Kind:     channels.Messenger,
		Channel:  "discord",
		Proofs:   []channels.Proof{channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		// Discord tells its limits in its answers, and in no document
		// (https://discord.com/developers/docs/topics/rate-limits); two a second is what one webhook bears.
		Limits:       channels.Limits{PerSecond: 2, Concurrency: 4, Timeout: 15 * time.Second},
		CheckAddress: messenger.CheckHookName,
		RecallWithin: channels.Always,
		Docs:         "https://discord.com/developers/docs/resources/webhook#execute-webhook",
		Example:      "webhooks:\n  community: https://discord.com/api/webhooks/223704706495545344/SECRET\n",
		New:          newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// Webhooks are the URLs of webhooks by the name that is their address. With ?thread_id=… a webhook posts
	// to that thread of its channel.
	Webhooks map[string]channels.Secret `yaml:"webhooks"`
	// BaseURL takes the place of scheme and host of all of them, for the sandbox.
	BaseURL string `yaml:"base_url"`
}

type sender struct {
	hooks  *messenger.Hooks
	places map[string]string // where messages stand, by the webhook's name
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	urls, places := make(map[string]channels.Secret, len(c.Webhooks)), make(map[string]string, len(c.Webhooks))
	for name, secret := range c.Webhooks {
		u, err := url.Parse(secret.Reveal())
		if err != nil {
			return nil, fmt.Errorf("webhooks: %s is no URL", name)
		}
		query := u.Query()
		query.Set("wait", "true")
		u.RawQuery = query.Encode()
		urls[name], places[name] = channels.Secret(u.String()), placeOf(u)
	}
	hooks, err := messenger.NewHooks(urls, c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return sender{hooks, places}, nil
}

// message is the body.
type message struct {
	Content  string   `json:"content"`
	Flags    int      `json:"flags"`
	Mentions mentions `json:"allowed_mentions"`
}

// mentions says who may be mentioned: with an empty list, nobody.
type mentions struct {
	Parse []string `json:"parse"`
}

// Send implements [channels.Sender]. The address is the name of a webhook.
func (s sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	text := escape(m.Text)
	if err := messenger.CheckLength(text, maxText); err != nil {
		return channels.Ack{}, err
	}
	a, err := s.hooks.Post(ctx, m.Address, message{Content: text, Flags: suppressEmbeds, Mentions: mentions{[]string{}}}, maxBody)
	if err != nil {
		return channels.Ack{}, err
	}
	ack, err := readAck(a)
	if err == nil {
		ack.ID = s.places[m.Address] + "/" + ack.ID
	}
	return ack, err
}

// markup is what Discord takes for formatting; a backslash before it makes it a character. In links it means
// nothing, and a backslash would break them.
var markup = regexp.MustCompile("https?://\\S+|[\\\\*_~`|<>\\[\\]#]")

func escape(text string) string {
	return markup.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "http") {
			return found
		}
		return `\` + found
	})
}

func readAck(a channels.Answer) (channels.Ack, error) {
	var said struct {
		ID string `json:"id"`
	}
	if a.Status == http.StatusOK && json.Unmarshal(a.Body, &said) == nil && said.ID != "" {
		return channels.Ack{ID: said.ID, Proof: channels.Delivered}, nil
	}
	return channels.Ack{}, refusal(a)
}

// refusal classifies an answer that is no success. All refusals but that for the rate speak of this message
// or of this one webhook (10015 Unknown Webhook, 50027 Invalid Webhook Token, 50006 Cannot send an empty
// message), which is mended in the configuration under the same name. So they are Rejected: as Auth one
// webhook would stop the others, and as InvalidAddress its name would be shunned after it was mended.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	var said struct {
		Code       int     `json:"code"`
		RetryAfter float64 `json:"retry_after"` // in seconds, finer than the header
	}
	if json.Unmarshal(a.Body, &said) != nil {
		said.Code, said.RetryAfter = 0, 0
	}
	switch {
	case e.Class == channels.RateLimited && said.RetryAfter > 0 && said.RetryAfter < time.Hour.Seconds():
		e.RetryAfter = time.Duration(said.RetryAfter * float64(time.Second))
	case a.Status >= 400 && a.Status < 500 && e.Class != channels.RateLimited && e.Class != channels.Unknown:
		e.Class = channels.Rejected
	}
	if said.Code > 0 && a.Status >= 400 {
		e.Code += " " + strconv.Itoa(said.Code)
	}
	return e
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (sender) Close() error { return nil }
