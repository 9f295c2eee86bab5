// Package teams posts to Microsoft Teams channels and chats through the webhook of a workflow ("Post to a
// channel when a webhook request is received"), with an Adaptive Card. The connectors that took such posts
// before are retired
// (https://devblogs.microsoft.com/microsoft365dev/retirement-of-office-365-connectors-within-microsoft-teams/).
//
// The address is the name of a webhook in the configuration, since its URL is a secret. A workflow answers
// that it was started (202), not that its card was posted: that is all that is ever known.
//
// Set-up follows https://support.microsoft.com/office/8ae491c7-0394-4861-ba59-055e33f75498, the body
// https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook, the card
// https://adaptivecards.io/explorer/RichTextBlock.html, of version 1.4.
package teams

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// maxBody is how large a message may be: 28 KB
// (https://learn.microsoft.com/en-us/microsoftteams/limits-specifications-teams#chat).
const maxBody = 28 * 1024

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "teams",
		Title:    "Microsoft Teams workflows",
		Kind:     channels.Messenger,
		Channel:  "teams",
		Proofs:   []channels.Proof{channels.Accepted},
		Silence:  channels.SilenceIsPresumed,
		// Four a second: https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
		Limits:       channels.Limits{PerSecond: 4, Concurrency: 4, Timeout: 20 * time.Second},
		CheckAddress: messenger.CheckHookName,
		Docs:         "https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook",
		Example: "webhooks:\n  operations: https://prod-00.westeurope.logic.azure.com/workflows/0123456789abcdef/" +
			"triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=SECRET\n",
		New: newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// Webhooks are the URLs of workflows by the name that is their address.
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

// Send implements [channels.Sender]. The address is the name of a webhook.
func (s sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	answer, err := s.hooks.Post(ctx, m.Address, newMessage(m.Text, m.Locale), maxBody)
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer)
}

// readAck reads a workflow's answer: 202, or 200 where the workflow has an answer of its own.
func readAck(a channels.Answer) (channels.Ack, error) {
	if a.Status == http.StatusAccepted || a.Status == http.StatusOK {
		return channels.Ack{Proof: channels.Accepted}, nil
	}
	return channels.Ack{}, refusal(a)
}

// word is how error codes look, so that nothing else gets into ours.
var word = regexp.MustCompile(`^[A-Za-z]{1,60}$`)

// refusal classifies an answer that is no success, by its status. No page lists the codes in the bodies
// (WorkflowNotFound, WorkflowTriggerIsNotEnabled, AuthorizationFailed …), so they are only passed on.
//
// What is wrong with one workflow (401, 403, 404) is mended in the configuration under the same name. So it
// is Rejected: as Auth one webhook would stop the others, and as InvalidAddress its name would be shunned
// after it was mended.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	if e.Class == channels.Auth {
		e.Class = channels.Rejected
	}
	var said struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(a.Body, &said) == nil && word.MatchString(said.Error.Code) {
		e.Code += " " + said.Error.Code
	}
	return e
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (sender) Close() error { return nil }

// message is what the workflow's template expects.
type message struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"`
	Content     card    `json:"content"`
}

// card is an Adaptive Card.
type card struct {
	Schema  string `json:"$schema"`
	Type    string `json:"type"`
	Version string `json:"version"`
	Lang    string `json:"lang,omitempty"`
	Body    []line `json:"body"`
}

// line is a RichTextBlock, whose text is taken as it is. (A TextBlock takes it for Markdown.)
type line struct {
	Type    string `json:"type"`
	Inlines []run  `json:"inlines"`
}

// run is a TextRun; one with an action is a link.
type run struct {
	Type   string  `json:"type"`
	Text   string  `json:"text"`
	Action *action `json:"selectAction,omitempty"`
}

type action struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// newMessage lays a text out: a block for each line that isn't empty.
func newMessage(text, locale string) message {
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Lang: locale,
	}
	for l := range strings.Lines(text) {
		if l = strings.TrimRight(l, "\r\n"); strings.TrimSpace(l) != "" {
			c.Body = append(c.Body, line{"RichTextBlock", runs(l)})
		}
	}
	return message{"message", []attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: c}}}
}

// link is a URL as texts have them, without the punctuation that ends a sentence.
var link = regexp.MustCompile(`https://[^\s<>"]*[^\s<>".,;:!?)\]]`)

// runs cuts a line into plain text and links.
func runs(l string) []run {
	var rs []run
	plain := func(s string) {
		if s != "" {
			rs = append(rs, run{Type: "TextRun", Text: s})
		}
	}
	at := 0
	for _, found := range link.FindAllStringIndex(l, -1) {
		plain(l[at:found[0]])
		u := l[found[0]:found[1]]
		rs = append(rs, run{"TextRun", u, &action{"Action.OpenUrl", u}})
		at = found[1]
	}
	plain(l[at:])
	return rs
}
