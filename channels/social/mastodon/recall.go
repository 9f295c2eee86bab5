package mastodon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// Recall implements [channels.Recaller]: an account deletes its post, however old
// (https://docs.joinmastodon.org/methods/statuses/#delete). Other servers are told; some may keep their copy.
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	token, err := s.tokens.Of(m.Address)
	if err != nil {
		return err
	}
	if !idForm.MatchString(m.ProviderID) {
		return &channels.Error{Class: channels.Rejected, Code: "no_post", Err: errors.New("not the id of a post")}
	}
	answer, err := s.api.Call(ctx, http.MethodDelete, "/api/v1/statuses/"+m.ProviderID, authorized(token), nil)
	if err != nil {
		return err
	}
	if notFound(answer) {
		return s.checkGone(ctx, token, m)
	}
	id, err := readID(answer)
	if err == nil && id != m.ProviderID {
		return &channels.Error{Class: channels.Unknown, Code: "200 unreadable", Err: errors.New("another post is said to be deleted")}
	}
	return err
}

// notFound reports whether a server of Mastodon's API says, in an Error entity, that it doesn't have
// something. What a proxy says is no such entity.
func notFound(a channels.Answer) bool {
	var entity struct {
		Error string `json:"error"`
	}
	return a.Status == http.StatusNotFound && json.Unmarshal(a.Body, &entity) == nil && entity.Error != ""
}

// checkGone returns nil if a post that the account can't delete is not there. By the documentation that
// may as well be another account's post, and a server that isn't this instance has no post of that id
// either: so the token must be the account's, and not find the post.
func (s *sender) checkGone(ctx context.Context, token channels.Secret, m channels.Sent) error {
	if err := s.checkAccount(ctx, token, m.Address); err != nil {
		return err
	}
	answer, err := s.api.Call(ctx, http.MethodGet, "/api/v1/statuses/"+m.ProviderID, authorized(token), nil)
	if err != nil {
		return err
	}
	if notFound(answer) {
		return nil
	}
	if _, err := readSeen(answer); err != nil {
		return err
	}
	return &channels.Error{Class: channels.Rejected, Code: "404 not_ours", Err: errors.New("the post is another account's")}
}

// readSeen reads the id of what was looked at. A token that could delete, and may not look, lacks a scope.
func readSeen(a channels.Answer) (string, error) {
	if a.Status == http.StatusForbidden {
		return "", social.Unseen("404")
	}
	return readID(a)
}

// checkAccount returns an error unless the token is of the account with an address
// (https://docs.joinmastodon.org/methods/accounts/#verify_credentials).
func (s *sender) checkAccount(ctx context.Context, token channels.Secret, address string) error {
	answer, err := s.api.Call(ctx, http.MethodGet, "/api/v1/accounts/verify_credentials", authorized(token), nil)
	if err != nil {
		return err
	}
	if _, err := readSeen(answer); err != nil {
		return err
	}
	var account struct {
		Username string `json:"username"`
	}
	name, _, _ := strings.Cut(social.Handle(address), "@")
	if json.Unmarshal(answer.Body, &account) != nil || strings.ToLower(account.Username) != name {
		return &channels.Error{Class: channels.Rejected, Code: "404 not_ours", Err: errors.New("the token is another account's")}
	}
	return nil
}
