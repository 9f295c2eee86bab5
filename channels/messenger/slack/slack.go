// Package slack posts to Slack channels through incoming webhooks: for an organisation's own people, and
// for business customers who made a webhook for it.
//
// The address is the name of a webhook in the configuration, since its URL is a secret. Slack answers "ok"
// once the message stands in the channel, so the answer itself proves Delivered, to the channel.
//
// Wire format follows https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/, escaping
// https://docs.slack.dev/messaging/formatting-message-text/#escaping.
package slack

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

const (
	// maxText is how long a text may be, after which Slack cuts it
	// (https://docs.slack.dev/reference/methods/chat.postMessage/#truncating).
	maxText = 40000
	// maxBody bounds the JSON around the longest text.
	maxBody = 1 << 19
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "slack",
		Title:    "Slack incoming webhooks",
		Kind:     channels.Messenger,
		Channel:  "slack",
		Proofs:   []channels.Proof{channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		// One a second for each webhook: https://docs.slack.dev/apis/web-api/rate-limits/
		Limits:       channels.Limits{PerSecond: 1, Concurrency: 4, Timeout: 15 * time.Second},
		CheckAddress: messenger.CheckHookName,
		Docs:         "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/",
		Example:      "webhooks:\n  operations: https://hooks.slack.com/services/TEAM/BOT/SECRET\n",
		New:          newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// Webhooks are the URLs of incoming webhooks by the name that is their address.
	Webhooks map[string]channels.Secret `yaml:"webhooks"`
	// BaseURL takes the place of scheme and host of all of them, for the sandbox.
	BaseURL string `yaml:"base_url"`
}

type sender struct{ hooks *messenger.Hooks }

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	var c Config
	if err := decode(&c); err != nil {
		return nil, err
	}
	hooks, err := messenger.NewHooks(c.Webhooks, c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return sender{hooks}, nil
}

// message is the body. The text is plain: without markup, and without previews of its links.
type message struct {
	Text        string `json:"text"`
	Markdown    bool   `json:"mrkdwn"`
	UnfurlLinks bool   `json:"unfurl_links"`
	UnfurlMedia bool   `json:"unfurl_media"`
}

// Send implements [channels.Sender]. The address is the name of a webhook.
func (s sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m.Text)
	if err := messenger.CheckLength(text, maxText); err != nil {
		return channels.Ack{}, err
	}
	answer, err := s.hooks.Post(ctx, m.Address, message{Text: text}, maxBody)
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer)
}

func readAck(a channels.Answer) (channels.Ack, error) {
	if a.Status == http.StatusOK && strings.TrimSpace(string(a.Body)) == "ok" {
		return channels.Ack{Proof: channels.Delivered}, nil
	}
	return channels.Ack{}, refusal(a)
}

// word is how Slack's errors look, so that nothing else gets into a code.
var word = regexp.MustCompile(`^[a-z_]{1,40}$`)

// refusal classifies an answer that is no success. Its body is one of the errors of
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling-errors, most with a
// status of 400, 403, 404 or 410: invalid_payload, no_text, too_many_attachments, user_not_found,
// channel_not_found, channel_is_archived, action_prohibited, posting_to_general_channel_denied,
// no_service, no_service_id, no_active_hooks, no_team, team_disabled, invalid_token.
//
// Each of them speaks of this message or of this one webhook, which is mended in the configuration under
// the same name. So all are Rejected: as Auth one webhook would stop the others, and as InvalidAddress its
// name would be shunned after it was mended.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	if a.Status >= 400 && a.Status < 500 && e.Class != channels.RateLimited && e.Class != channels.Unknown {
		e.Class = channels.Rejected
	}
	if said := strings.TrimSpace(string(a.Body)); a.Status >= 400 && word.MatchString(said) {
		e.Code += " " + said
	}
	return e
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (sender) Close() error { return nil }
