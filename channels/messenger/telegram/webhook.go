package telegram

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// secretOf returns the secret that Telegram is to show with each update. It is made of the bot's token,
// so that all processes know the same one, and it gives nothing of the token away.
func secretOf(token channels.Secret) channels.Secret {
	mac := hmac.New(sha256.New, []byte(token.Reveal()))
	mac.Write([]byte("webhook"))
	return channels.Secret(hex.EncodeToString(mac.Sum(nil)))
}

// webhook is the body of setWebhook.
type webhook struct {
	URL            string   `json:"url"`
	SecretToken    string   `json:"secret_token"`
	AllowedUpdates []string `json:"allowed_updates"`
}

// RegisterWebhook implements [channels.WebhookRegistrar] with setWebhook. Telegram calls https only, on
// the ports 443, 80, 88 and 8443.
func (s *sender) RegisterWebhook(ctx context.Context, u string) error {
	answer, err := messenger.PostJSON(ctx, s.api, s.path+"/setWebhook", nil, webhook{
		URL: u, SecretToken: s.secret.Reveal(), AllowedUpdates: []string{"message", "my_chat_member"},
	})
	if err != nil {
		return err
	}
	var r struct {
		OK bool `json:"ok"`
	}
	if json.Unmarshal(answer.Body, &r) != nil || !r.OK {
		return refusal(answer)
	}
	return nil
}

// update is what is read of an update. It has one of message and my_chat_member, or neither, if the
// webhook was set up for more than we ask for.
type update struct {
	ID      int64 `json:"update_id"`
	Message *struct {
		Chat chat   `json:"chat"`
		Text string `json:"text"`
	} `json:"message"`
	Member *struct {
		Chat chat   `json:"chat"`
		Old  member `json:"old_chat_member"`
		New  member `json:"new_chat_member"`
	} `json:"my_chat_member"`
}

type chat struct {
	ID   int64  `json:"id"`
	Type string `json:"type"` // private, group, supergroup, channel
}

// member is what the bot is in a chat. A user who blocks the bot has "kicked" it.
type member struct {
	Status string `json:"status"`
}

func (m member) gone() bool { return m.Status == "kicked" || m.Status == "left" }

// ParseCallback implements [channels.CallbackParser]. Updates aren't signed: Telegram shows the secret
// that it was given with the webhook (X-Telegram-Bot-Api-Secret-Token). There are no receipts in them.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	shown := c.Header.Get("X-Telegram-Bot-Api-Secret-Token")
	if subtle.ConstantTimeCompare([]byte(shown), []byte(s.secret.Reveal())) != 1 {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "secret_token", Err: errors.New("callback doesn't show the webhook's secret")}
	}
	return parseUpdate(c.Body)
}

func parseUpdate(body []byte) (channels.Heard, error) {
	var u update
	if err := json.Unmarshal(body, &u); err != nil || u.ID == 0 {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "unreadable", Err: errors.New("no update")}
	}
	var in channels.Inbound
	switch {
	case u.Message != nil && u.Message.Chat.Type == "private": // in groups anybody may say anything
		in = channels.Inbound{Address: address(u.Message.Chat), Text: u.Message.Text, Wish: wish(u.Message.Text)}
	case u.Member != nil && u.Member.Chat.Type != "channel":
		in = channels.Inbound{Address: address(u.Member.Chat), Wish: moved(u.Member.Old, u.Member.New)}
	}
	if in.Address == "" || (in.Text == "" && in.Wish == channels.NoWish) {
		return channels.Heard{}, nil
	}
	return channels.Heard{Inbound: []channels.Inbound{in}}, nil
}

func address(c chat) string {
	if c.ID == 0 {
		return ""
	}
	return strconv.FormatInt(c.ID, 10)
}

// wish reads a command: /start and /help are every bot's (https://core.telegram.org/bots/features#global-commands),
// /stop is their opposite. A command may have a bot's name after @, and more text after a space.
func wish(text string) channels.Wish {
	command, _, _ := strings.Cut(text, " ")
	command, _, _ = strings.Cut(command, "@")
	switch strings.ToLower(command) {
	case "/start":
		return channels.OptIn
	case "/stop":
		return channels.OptOut
	case "/help":
		return channels.WantHelp
	}
	return channels.NoWish
}

// moved reads a change of what the bot is in a chat.
func moved(from, to member) channels.Wish {
	switch {
	case to.gone() && !from.gone():
		return channels.OptOut
	case from.gone() && !to.gone():
		return channels.OptIn
	}
	return channels.NoWish
}
