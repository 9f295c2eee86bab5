// Package telegram sends messages as a Telegram bot, through the Bot API.
//
// Texts go out as plain text, without parse_mode: nothing in them has to be escaped, and nothing in
// them can be refused as bad markup. Links are shown without a preview, which Telegram's servers
// would have to fetch from a site that may be the one that is down.
//
// A bot is told nothing of deliveries, and whoever can't be reached is refused in the answer. So an
// acceptance is presumed to have arrived at once: the answer is the last word.
//
// A group that became a supergroup has a new id, and a message to the old one is refused with it. Such
// a message goes to the new id, since nothing went out and it is the same people; the directory keeps
// the old one until it is told otherwise. The message's id then names the new chat too.
//
// A bot can delete what it has sent for 48 hours. Who has read it, or its notification, has read it.
//
// What people do comes to a webhook: whoever blocks the bot, or says /stop, wants no more messages;
// whoever starts it wants them. A webhook ends getUpdates: the bot can't serve another program that
// asks for updates.
//
// Wire format and errors follow https://core.telegram.org/bots/api (making requests,
// ResponseParameters, sendMessage, deleteMessage, getMe, setWebhook, Update).
package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// maxText is how long a text may be, in UTF-16 code units.
const maxText = 4096

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "telegram",
		Title:    "Telegram Bot API",
		Kind:     channels.Messenger,
		Channel:  "telegram",
		Proofs:   []channels.Proof{channels.Accepted},
		Silence:  channels.SilenceIsPresumed,
		// https://core.telegram.org/bots/api#deletemessage
		RecallWithin: RecallWithin,
		// What https://core.telegram.org/bots/faq says of broadcasts: about 30 messages a second.
		Limits:       channels.Limits{PerSecond: 30, Concurrency: 16, Timeout: 15 * time.Second},
		CheckAddress: checkAddress,
		Docs:         "https://core.telegram.org/bots/api",
		Example:      "token: 123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11\n",
		New:          newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// Token is the bot's token, as BotFather gave it.
	Token channels.Secret `yaml:"token"`
	// BaseURL is where the Bot API is, for a server of one's own or the sandbox.
	BaseURL string `yaml:"base_url"`
}

// tokenForm is what goes safely into a path; Telegram promises no more of it than the colon.
var tokenForm = regexp.MustCompile(`^[0-9]+:[A-Za-z0-9_-]+$`)

// addressForm is an id, negative for groups, or the public name of a channel or supergroup.
var addressForm = regexp.MustCompile(`^(-?[1-9][0-9]{0,18}|@[A-Za-z][A-Za-z0-9_]{3,31})$`)

func checkAddress(address string) (string, error) {
	if !addressForm.MatchString(address) {
		return "", errors.New("is neither a chat id nor the @name of a channel")
	}
	return address, nil
}

type sender struct {
	api    *channels.API
	path   string // "/bot" and the token: no error may name it
	bot    string // its id, which is no secret
	secret channels.Secret
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://api.telegram.org"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if !tokenForm.MatchString(c.Token.Reveal()) {
		return nil, errors.New(`token: want a bot's token, of the form "digits:letters"`)
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	bot, _, _ := strings.Cut(c.Token.Reveal(), ":")
	return &sender{api: api, path: "/bot" + c.Token.Reveal(), bot: bot, secret: secretOf(c.Token)}, nil
}

// request is the body of sendMessage.
type request struct {
	ChatID      any         `json:"chat_id"`
	Text        string      `json:"text"`
	LinkPreview linkPreview `json:"link_preview_options"`
}

type linkPreview struct {
	Disabled bool `json:"is_disabled"`
}

// Send implements [channels.Sender]. The address is a chat id, or the @name of a channel.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	if err := messenger.CheckLength(m.Text, maxText); err != nil {
		return channels.Ack{}, err
	}
	answer, err := s.send(ctx, chatID(m.Address), m.Text)
	if err != nil {
		return channels.Ack{}, err
	}
	if id := migratedTo(answer); id != 0 {
		return s.sendTo(ctx, id, m)
	}
	return s.readAck(answer, m.Address, "")
}

// sendTo sends to another chat than that of the message's address.
func (s *sender) sendTo(ctx context.Context, chat int64, m channels.Message) (channels.Ack, error) {
	answer, err := s.send(ctx, chat, m.Text)
	if err != nil {
		return channels.Ack{}, err
	}
	return s.readAck(answer, m.Address, strconv.FormatInt(chat, 10)+"/")
}

// readAck reads the answer to sendMessage. The id is marked with the bot and the address, and says in which
// chat the message is where that isn't the address.
func (s *sender) readAck(a channels.Answer, address, in string) (channels.Ack, error) {
	ack, err := readAck(a)
	if err == nil {
		ack.ID = markOf(s.bot, address) + in + ack.ID
	}
	return ack, err
}

func (s *sender) send(ctx context.Context, chat any, text string) (channels.Answer, error) {
	return messenger.PostJSON(ctx, s.api, s.path+"/sendMessage", nil, request{
		ChatID: chat, Text: text, LinkPreview: linkPreview{Disabled: true},
	})
}

// chatID is an address as the API takes it: an integer, or a name.
func chatID(address string) any {
	if id, err := strconv.ParseInt(address, 10, 64); err == nil {
		return id
	}
	return address
}

// Probe implements [channels.Prober] with getMe.
func (s *sender) Probe(ctx context.Context) error {
	answer, err := s.api.Call(ctx, http.MethodGet, s.path+"/getMe", nil, nil)
	if err != nil {
		return err
	}
	var r response
	if err := json.Unmarshal(answer.Body, &r); err != nil || !r.OK {
		return refusal(answer)
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
