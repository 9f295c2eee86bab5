// Package facebook sends messages from a Facebook Page through Messenger, and reads the deliveries and
// answers that Meta posts to the app's webhook.
//
// Messages are utility messages: approved templates, which may go to people who have not written in
// the last 24 hours. (The message tags CONFIRMED_EVENT_UPDATE, POST_PURCHASE_UPDATE and ACCOUNT_UPDATE,
// which were once the way to do that, are taken no more since April 2026; HUMAN_AGENT is for people who
// type.) A template has one parameter, into which the message goes whole, on one line. Meta offers
// utility messages in some countries only; elsewhere they are refused, and the cascade goes on.
//
// Receipts name the message by Meta's id, and nothing of ours, so they are found by the provider's id.
// What a person has read is told by a time (a watermark) and not by message, so it proves nothing of a
// message here; the same goes for deliveries to old clients, which come without ids.
//
// An address is a Page-scoped id: the person must have written to the Page once. Whoever turns messages
// of the Page off can't be told from one who left, and is refused as such.
//
// It follows Meta's pages "Send a utility message"
// (https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/utility-messages),
// "Send API" (…/messenger-platform/reference/send-api), "message_deliveries Webhook Event Reference"
// (…/messenger-platform/webhooks/webhook-events/message-deliveries), "Common Error Codes"
// (…/messenger-platform/error-codes), and for the webhook
// https://developers.facebook.com/docs/graph-api/reference/app/subscriptions and
// https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps.
package facebook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/meta"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// maxText is how long a text outside of templates may be ("Send API", message.text).
const maxText = 2000

// Spec describes the adapter. The rate is that of "Messenger Platform rate limits", Send API.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "facebook_messenger",
		Title:        "Facebook Messenger",
		Kind:         channels.Messenger,
		Channel:      "messenger",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:      channels.SilenceIsFailure,
		ReceiptsByID: true,
		Limits:       channels.Limits{PerSecond: 300, Concurrency: 64, Timeout: 15 * time.Second},
		CheckAddress: messenger.CheckID,
		Docs:         "https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/utility-messages",
		Example: `page_id: "1909458034523498"
app_id: "188559381496048"
access_token: ${FACEBOOK_PAGE_TOKEN}
app_secret: ${FACEBOOK_APP_SECRET}
# Approved utility templates with one parameter, by the locale of our texts.
templates:
  en: {name: outage_notice, language: en}
  ro: {name: outage_notice, language: ro}
  ru: {name: outage_notice, language: ru}
`,
		New: newSender,
	}
}

// Config is the adapter's configuration. AccessToken is the Page's.
type Config struct {
	meta.Account `yaml:",inline"`
	// PageID is the Page that messages are sent from.
	PageID string `yaml:"page_id"`
	// AppID is the app whose webhook is set up.
	AppID string `yaml:"app_id"`
	// Templates are the approved utility templates by the locale of our texts.
	Templates messenger.Templates `yaml:"templates"`
	// PlainText sends texts as they are, without a template: they reach only whoever wrote to the Page in
	// the last 24 hours.
	PlainText bool `yaml:"plain_text"`
}

func (c *Config) check() error {
	switch {
	case !isID(c.PageID):
		return errors.New("page_id: want the Page's id, in digits")
	case !isID(c.AppID):
		return errors.New("app_id: want the app's id, in digits, as the App Dashboard shows it")
	case c.PlainText == (len(c.Templates) > 0):
		return errors.New("templates, plain_text: exactly one of them is required")
	}
	return errors.Join(c.Account.Check(), c.Templates.Check())
}

func isID(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

type sender struct {
	page      *meta.Graph // with the Page's token
	app       *meta.Graph // with the app's
	webhook   meta.Webhook
	pageID    string
	appID     string
	templates messenger.Templates // none: plain text
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{Account: meta.DefaultAccount()}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	page, err := meta.NewGraph(&c.Account, env)
	if err != nil {
		return nil, err
	}
	return &sender{
		page: page, app: page.As(channels.Secret(c.AppID + "|" + c.AppSecret.Reveal())), webhook: c.Webhook(),
		pageID: c.PageID, appID: c.AppID, templates: c.Templates,
	}, nil
}

// Send implements [channels.Sender]. The address is the recipient's id for this Page.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	req, err := s.request(m)
	if err != nil {
		return channels.Ack{}, err
	}
	answer, err := s.page.Post(ctx, "/"+s.pageID+"/messages", req)
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer)
}

// Probe implements [channels.Prober]: it looks at the Page.
func (s *sender) Probe(ctx context.Context) error {
	answer, err := s.page.Get(ctx, "/"+s.pageID, "id")
	if err != nil {
		return err
	}
	var page struct {
		ID string `json:"id"`
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &page) != nil || page.ID == "" {
		return meta.Failure(answer, classOf)
	}
	return nil
}

// events are the webhook's fields that we want to hear of.
const events = "messages,messaging_postbacks,message_deliveries"

// subscription is the body that sets up an app's webhook.
type subscription struct {
	Object string `json:"object"`
	URL    string `json:"callback_url"`
	Token  string `json:"verify_token"`
	Fields string `json:"fields"`
}

// RegisterWebhook implements [channels.WebhookRegistrar]: it sets up the app's webhook for Pages, which
// is one for all of its Pages, and subscribes the app to ours. Before Meta answers it calls u with a
// challenge.
func (s *sender) RegisterWebhook(ctx context.Context, u string) error {
	err := done(s.app.Post(ctx, "/"+s.appID+"/subscriptions", subscription{
		Object: "page", URL: u, Token: s.webhook.Token().Reveal(), Fields: events,
	}))
	if err != nil {
		return err
	}
	return done(s.page.Post(ctx, "/"+s.pageID+"/subscribed_apps", map[string]string{"subscribed_fields": events}))
}

// done returns nil if an answer says that it was done.
func done(answer channels.Answer, err error) error {
	if err != nil {
		return err
	}
	var r struct {
		Success bool `json:"success"`
	}
	if json.Unmarshal(answer.Body, &r) != nil || !r.Success {
		return meta.Failure(answer, classOf)
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
