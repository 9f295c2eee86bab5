package mastodon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

const (
	// clockSkew is how far the instance's clock and ours may differ.
	clockSkew = time.Minute
	// pages bounds how many lists of posts are read, of 40 each at most.
	pages = 5
)

// idForm is an id, which goes into a path: digits at Mastodon, letters too elsewhere.
var idForm = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

// Inquire implements [channels.Inquirer]: by the post's id, or by its text among the account's posts of the
// time in question. Posts are listed as HTML, which is each server's own; what was written is asked for one
// by one (https://docs.joinmastodon.org/methods/statuses/#source). The token needs the scope read:statuses.
func (s *sender) Inquire(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	r := channels.Receipt{Ref: q.Ref, ProviderID: q.ProviderID, State: channels.ReceiptDelivered}
	if q.ProviderID != "" {
		if err := s.inquireByID(ctx, q.ProviderID); err != nil {
			return channels.Receipt{}, err
		}
		return r, nil
	}
	token, err := s.tokens.Of(q.Address)
	if err != nil {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "no_such_account", Err: err}
	}
	if r.ProviderID, err = s.find(ctx, token, q); err != nil {
		return channels.Receipt{}, err
	}
	if r.ProviderID == "" {
		r.State = channels.ReceiptAbsent
	}
	return r, nil
}

// inquireByID returns nil if the instance has the post; any of the accounts may ask.
func (s *sender) inquireByID(ctx context.Context, id string) error {
	if !idForm.MatchString(id) {
		return &channels.Error{Class: channels.Rejected, Code: "no_post", Err: errors.New("not the id of a post")}
	}
	answer, err := s.api.Call(ctx, http.MethodGet, "/api/v1/statuses/"+id, authorized(s.tokens.Any()), nil)
	if err == nil {
		_, err = readID(answer)
	}
	return err
}

// find returns the id of the post that an inquiry is about, "" if the account doesn't have it.
func (s *sender) find(ctx context.Context, token channels.Secret, q channels.Inquiry) (string, error) {
	answer, err := s.api.Call(ctx, http.MethodGet, "/api/v1/accounts/verify_credentials", authorized(token), nil)
	if err != nil {
		return "", err
	}
	account, err := readID(answer)
	if err != nil {
		return "", err
	}
	before := ""
	for range pages {
		listed, err := s.list(ctx, token, account, before)
		if err != nil {
			return "", err
		}
		for _, p := range listed {
			if p.CreatedAt.Before(q.SentAfter.Add(-clockSkew)) {
				return "", nil // as all that follow are: they come newest first
			}
			if slices.Contains(q.Others, p.ID) || p.CreatedAt.After(q.SentBefore.Add(clockSkew)) {
				continue
			}
			same, err := s.says(ctx, token, p.ID, q.Text)
			if err != nil {
				return "", err
			}
			if same {
				return p.ID, nil
			}
		}
		if len(listed) == 0 {
			return "", nil
		}
		before = listed[len(listed)-1].ID
	}
	return "", &channels.Error{Class: channels.Rejected, Code: "too_many_posts", Err: errors.New("not all posts were read")}
}

type listed struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
}

// list lists an account's posts, newest first, from before a post on.
func (s *sender) list(ctx context.Context, token channels.Secret, account, before string) ([]listed, error) {
	params := url.Values{"limit": {"40"}, "exclude_reblogs": {"true"}}
	if before != "" {
		params.Set("max_id", before)
	}
	path := "/api/v1/accounts/" + url.PathEscape(account) + "/statuses?" + params.Encode()
	answer, err := s.api.Call(ctx, http.MethodGet, path, authorized(token), nil)
	if err != nil {
		return nil, err
	}
	var all []listed
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &all) != nil || all == nil {
		return nil, refusal(answer)
	}
	for _, p := range all {
		if !idForm.MatchString(p.ID) || p.CreatedAt.IsZero() {
			return nil, refusal(answer)
		}
	}
	return all, nil
}

// says reports whether a post has the text. Of one that was deleted meanwhile nobody can say: an error.
func (s *sender) says(ctx context.Context, token channels.Secret, id, text string) (bool, error) {
	answer, err := s.api.Call(ctx, http.MethodGet, "/api/v1/statuses/"+id+"/source", authorized(token), nil)
	if err != nil {
		return false, err
	}
	var source struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &source) != nil || source.ID != id {
		return false, refusal(answer)
	}
	return social.SameText(source.Text, text), nil
}
