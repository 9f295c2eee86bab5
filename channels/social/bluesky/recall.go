package bluesky

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/tocsin-dev/tocsin/channels"
)

// removal is the body of deleteRecord.
type removal struct {
	Repo       string `json:"repo"`
	Collection string `json:"collection"`
	Key        string `json:"rkey"`
}

// Recall implements [channels.Recaller]: an account deletes its post, however old, or ensures that it isn't
// there, which is no error (https://docs.bsky.app/docs/api/com-atproto-repo-delete-record).
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	a, err := s.accounts.Of(m.Address)
	if err != nil {
		return err
	}
	did, key, ok := parseURI(m.ProviderID)
	if !ok {
		return &channels.Error{Class: channels.Rejected, Code: "no_post", Err: errors.New("not the address of a post")}
	}
	answer, err := s.remove(ctx, a, did, key)
	if err != nil {
		return err
	}
	switch {
	case removed(answer), name(answer) == "RecordNotFound":
		return nil
	case answer.Status == http.StatusOK: // older servers answer nothing at all
		return s.checkGone(ctx, a, did, key)
	}
	return refusal(answer)
}

// removed reports whether a server says that it has deleted a record, or that there was none: with a commit,
// or with an object that is empty.
func removed(a channels.Answer) bool {
	var v map[string]json.RawMessage
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &v) != nil || v == nil {
		return false
	}
	return len(v) == 0 || v["commit"] != nil
}

// remove asks for the deletion of a post, if it is the account's.
func (s *sender) remove(ctx context.Context, a *account, did, key string) (channels.Answer, error) {
	return a.call(ctx, func(who session) (channels.Answer, error) {
		if who.DID != did {
			return channels.Answer{}, &channels.Error{Class: channels.Rejected, Code: "not_ours", Err: errors.New("the post is another account's")}
		}
		body, err := json.Marshal(removal{Repo: did, Collection: collection, Key: key})
		if err != nil {
			return channels.Answer{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
		}
		return s.api.Call(ctx, http.MethodPost, "/xrpc/com.atproto.repo.deleteRecord", who.header(), body)
	})
}

// checkGone returns nil if the account's server says that there is no such post.
func (s *sender) checkGone(ctx context.Context, a *account, did, key string) error {
	switch _, err := s.get(ctx, a, did, key); {
	case errors.Is(err, errAbsent):
		return nil
	case err != nil:
		return err
	}
	return &channels.Error{Class: channels.Unknown, Code: "200 unreadable", Err: errors.New("the post is still there")}
}
