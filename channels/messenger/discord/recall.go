package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/tocsin-dev/tocsin/channels"
)

// unknownMessage is Discord's code for a message that is not there
// (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes).
const unknownMessage = 10008

// snowflake is the form of an id. Ids begin with their time, so what is newer has the greater one
// (https://discord.com/developers/docs/reference#snowflakes).
var snowflake = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// Recall implements [channels.Recaller] with
// https://discord.com/developers/docs/resources/webhook#delete-webhook-message.
//
// A webhook knows its own messages only, and says of any other that there is none. So one that is older than
// the webhook, which has come in the place of another by then, isn't asked for: it stays.
func (s sender) Recall(ctx context.Context, m channels.Sent) error {
	id, err := strconv.ParseUint(m.ProviderID, 10, 64)
	switch {
	case err != nil || !snowflake.MatchString(m.ProviderID):
		return &channels.Error{Class: channels.Rejected, Code: "no_message_id", Err: errors.New("not the id of a message of Discord")}
	case id < s.ids[m.Address]:
		return &channels.Error{Class: channels.Rejected, Code: "other_webhook", Err: errors.New("sent before there was the webhook configured now: delete it in Discord")}
	}
	a, err := s.hooks.Delete(ctx, m.Address, "messages/"+m.ProviderID, "thread_id")
	if err != nil {
		return err
	}
	return readDeletion(a)
}

// readDeletion reads the answer to a deletion. Only Discord's own code says that a message is gone: its 404
// is for unknown webhooks too.
func readDeletion(a channels.Answer) error {
	var said struct {
		Code int `json:"code"`
	}
	switch {
	case a.Status == http.StatusNoContent:
		return nil
	case a.Status == http.StatusNotFound && json.Unmarshal(a.Body, &said) == nil && said.Code == unknownMessage:
		return nil
	}
	return refusal(a)
}

// inPath finds a webhook's id in its URL.
var inPath = regexp.MustCompile(`/webhooks/([1-9][0-9]{0,18})/`)

// idOf returns the id of a webhook, 0 where its URL isn't of Discord's form.
func idOf(u *url.URL) uint64 {
	found := inPath.FindStringSubmatch(u.Path)
	if found == nil {
		return 0
	}
	id, err := strconv.ParseUint(found[1], 10, 64)
	if err != nil {
		return 0
	}
	return id
}
