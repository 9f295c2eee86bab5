package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// unknownMessage is Discord's code for a message that is not there
// (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes).
const unknownMessage = 10008

// snowflake is the form of an id (https://discord.com/developers/docs/reference#snowflakes).
var snowflake = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// Recall implements [channels.Recaller] with
// https://discord.com/developers/docs/resources/webhook#delete-webhook-message.
//
// A webhook knows its own messages only, those in a thread only by the thread, and says of any other that
// there is none. So the id in [channels.Ack] says where the message stands, and what doesn't stand where the
// webhook posts now, which may have come in the place of another, isn't asked for: it stays.
func (s sender) Recall(ctx context.Context, m channels.Sent) error {
	place := s.places[m.Address]
	id, own := strings.CutPrefix(m.ProviderID, place+"/")
	switch {
	case place == "" || !own:
		return &channels.Error{Class: channels.Rejected, Code: "other_webhook", Err: errors.New("not sent by the webhook configured now, or to another thread: delete it in Discord")}
	case !snowflake.MatchString(id):
		return &channels.Error{Class: channels.Rejected, Code: "no_message_id", Err: errors.New("not the id of a message of Discord")}
	}
	a, err := s.hooks.Delete(ctx, m.Address, "messages/"+id, "thread_id")
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

// placeOf says where a webhook's messages stand: its id, and the thread's where it posts to one. It is "" where
// the URL isn't of Discord's form.
func placeOf(u *url.URL) string {
	found := inPath.FindStringSubmatch(u.Path)
	if found == nil {
		return ""
	}
	if thread := u.Query().Get("thread_id"); thread != "" {
		return found[1] + "/" + thread
	}
	return found[1]
}
