package facebook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// Recall implements [channels.Recaller]: it deletes the post
// (https://developers.facebook.com/docs/pages-api/posts), whatever its age.
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	p, err := s.pages.Of(m.Address)
	if err != nil {
		return err
	}
	if !postForm.MatchString(m.ProviderID) {
		return &channels.Error{Class: channels.Rejected, Code: "no_post", Err: errors.New("not the id of a post")}
	}
	answer, err := s.call(ctx, p, http.MethodDelete, m.ProviderID, url.Values{})
	if err != nil {
		return err
	}
	if noObject(answer) {
		return s.recallUnseen(ctx, p, m.ProviderID, answer)
	}
	return readDeleted(answer)
}

// recallUnseen decides about a post of which Facebook says the same whether it is gone, may not be seen or
// may not be deleted. It is gone if it can't be read either, by a token that is shown a post of the same Page.
// To a token that may not read them a Page's posts are an error or an empty list: that proves nothing.
func (s *sender) recallUnseen(ctx context.Context, p *page, id string, deletion channels.Answer) error {
	answer, err := s.call(ctx, p, http.MethodGet, id, url.Values{"fields": {"id"}})
	if err != nil {
		return err
	}
	if _, err := readID(answer); err == nil {
		return notDeleted(deletion)
	}
	if !noObject(answer) {
		return notDeleted(answer)
	}
	answer, err = s.call(ctx, p, http.MethodGet, p.id+"/posts", url.Values{"fields": {"id"}, "limit": {"1"}})
	if err != nil {
		return err
	}
	posts, err := readListed(answer)
	if err != nil {
		return notDeleted(answer)
	}
	if len(*posts.Data) == 0 || !strings.HasPrefix(id, p.id+"_") {
		return social.Unseen(notDeleted(deletion).Code)
	}
	return nil
}

// noObject reports whether an answer says of its object that it doesn't exist, can't be loaded for missing
// permissions, or doesn't support the operation: 100 (subcode 33), or 803. What else 100 says, of an
// appsecret_proof that is wrong say, it says of every call.
func noObject(a channels.Answer) bool {
	code := failureOf(a).Code
	return code == codeParameter || code == codeNoAlias
}

// readDeleted returns nil if an answer says that the post was deleted.
func readDeleted(a channels.Answer) error {
	var v struct {
		Success *bool `json:"success"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &v) != nil || v.Success == nil {
		return notDeleted(a)
	}
	if !*v.Success {
		return &channels.Error{Class: channels.Rejected, Code: "not_deleted"}
	}
	return nil
}

// notDeleted classifies the answer to a deletion that is no success. A permission that is missing is no dead
// token here: the post stays, and others can be made.
func notDeleted(a channels.Answer) *channels.Error {
	e := refusal(a)
	if c := failureOf(a).Code; c == 3 || c == 10 || c >= 200 && c <= 299 {
		e.Class = channels.Rejected
	}
	return e
}
