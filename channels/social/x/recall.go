package x

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// Recall implements [channels.Recaller]: an account deletes its post, however old
// (https://docs.x.com/x-api/posts/delete-post). What X answers for a post that isn't there, or isn't the
// account's, is not documented; unless it says that it has deleted the post, the post is looked up.
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	a, err := s.accounts.Of(m.Address)
	if err != nil {
		return err
	}
	if !idForm.MatchString(m.ProviderID) {
		return &channels.Error{Class: channels.Rejected, Code: "no_post", Err: errors.New("not the id of a post")}
	}
	answer, err := s.call(ctx, a, http.MethodDelete, "/2/tweets/"+m.ProviderID, nil, nil)
	if err != nil {
		return err
	}
	if deleted(answer) {
		return nil
	}
	kept := keptBecause(answer)
	if answer.Status >= 300 && kept.Class != channels.Rejected {
		return kept
	}
	return s.checkGone(ctx, a, m.ProviderID, kept)
}

// deleted reports whether X says that it has deleted a post.
func deleted(a channels.Answer) bool {
	var v struct {
		Data struct {
			Deleted bool `json:"deleted"`
		} `json:"data"`
	}
	return a.Status == http.StatusOK && json.Unmarshal(a.Body, &v) == nil && v.Data.Deleted
}

// notToBeDeleted is in what X says of posts that aren't the account's, with a status that is otherwise about
// the app or the account. (Others' clients know it; the documentation has no words for it.)
const notToBeDeleted = "to delete"

// keptBecause classifies an answer that doesn't say that a post was deleted.
func keptBecause(a channels.Answer) *channels.Error {
	var v struct {
		Data   *struct{}  `json:"data"`
		Errors []struct{} `json:"errors"`
	}
	switch e := refusal(a); {
	case says(a, notToBeDeleted):
		return &channels.Error{Class: channels.Rejected, Code: e.Code + " not_ours"}
	case a.Status == http.StatusOK && json.Unmarshal(a.Body, &v) == nil && (v.Data != nil || len(v.Errors) > 0):
		return &channels.Error{Class: channels.Rejected, Code: "not_deleted"}
	default:
		return e
	}
}

// checkGone returns nil if X says, to the account that posted it, that there is no such post
// (https://docs.x.com/x-api/posts/get-post-by-id), and otherwise what kept it.
func (s *sender) checkGone(ctx context.Context, a *account, id string, kept *channels.Error) error {
	answer, err := s.call(ctx, a, http.MethodGet, "/2/tweets/"+id, nil, nil)
	if err != nil {
		return err
	}
	if absent(answer) {
		return nil
	}
	if answer.Status == http.StatusForbidden && kept.Class == channels.Rejected {
		return social.Unseen(kept.Code)
	}
	if _, err := readPost(answer); err != nil {
		return err
	}
	return kept
}

// absent reports whether X says that it doesn't have a post: with success, or as a problem. Beside a post the
// same error is about something in it.
func absent(a channels.Answer) bool {
	var v struct {
		Data   json.RawMessage `json:"data"`
		Errors []problem       `json:"errors"`
	}
	if a.Status == http.StatusNotFound {
		return problemOf(a).isNotFound()
	}
	return a.Status == http.StatusOK && json.Unmarshal(a.Body, &v) == nil && v.Data == nil && len(v.Errors) == 1 && v.Errors[0].isNotFound()
}

// isNotFound goes by the type, which says more than a status: that may be a proxy's.
func (p problem) isNotFound() bool {
	return strings.HasPrefix(p.Type, "https://") && path.Base(p.Type) == "resource-not-found"
}
