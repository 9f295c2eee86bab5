package vk

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// Recall implements [channels.Recaller] with wall.delete (https://dev.vk.com/ru/method/wall.delete), which
// knows no age. It takes the access key of a user who manages the community; its errors and the keys that it
// takes are those of https://github.com/VKCOM/vk-api-schema (wall/methods.json).
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	token, err := s.tokens.Of(m.Address)
	if err != nil {
		return err
	}
	owner := "-" + social.Handle(m.Address)
	post, ours := strings.CutPrefix(m.ProviderID, owner+"_")
	if !ours || !idForm.MatchString(post) {
		return &channels.Error{Class: channels.Rejected, Code: "no_post", Err: errors.New("not the id of a post of this community")}
	}
	answer, err := s.call(ctx, token, "wall.delete", url.Values{"owner_id": {owner}, "post_id": {post}})
	if err != nil {
		return err
	}
	return readDeleted(answer)
}

const (
	codeGroupKey = 27
	codeNotFound = 104
)

// staying are the codes that, of a deletion, say that this key may not do it: the post stays, and the key
// may be good for others.
var staying = map[int]bool{7: true, 15: true, codeGroupKey: true, 28: true, 203: true, 210: true}

// readDeleted returns nil if an answer says that the post was deleted, or isn't there.
func readDeleted(a channels.Answer) error {
	var v struct {
		Response int `json:"response"`
	}
	if answered(a) && json.Unmarshal(a.Body, &v) == nil && v.Response == 1 {
		return nil
	}
	e, code := refusal(a), failureOf(a).Code
	switch {
	case code == codeNotFound:
		return nil
	case staying[code]:
		e.Class = channels.Rejected
	}
	if code == codeGroupKey {
		e.Err = errors.New("a community's own key can't delete posts, a key of a user who manages it can")
	}
	return e
}
