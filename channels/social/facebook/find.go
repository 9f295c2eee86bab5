package facebook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// search is what a post is looked for by: its text, since when, and which ones it isn't.
type search struct {
	text   string
	after  time.Time
	others []string
}

const (
	// clockSkew is how far Facebook's clock may be behind ours.
	clockSkew = time.Minute
	// readings bounds how many pages of posts are read, of 100 each.
	readings = 10
)

// find returns the id of a Page's post, "" if it has none such. On an error it may have.
func (s *sender) find(ctx context.Context, p *page, q search) (id string, err error) {
	after := ""
	for range readings {
		params := url.Values{
			"fields": {"id,message"}, "limit": {"100"}, "since": {strconv.FormatInt(q.after.Add(-clockSkew).Unix(), 10)},
		}
		if after != "" {
			params.Set("after", after)
		}
		answer, err := s.call(ctx, p, http.MethodGet, p.id+"/posts", params)
		if err != nil {
			return "", err
		}
		listed, err := readListed(answer)
		if err != nil {
			return "", err
		}
		for _, one := range *listed.Data {
			if social.SameText(one.Message, q.text) && !slices.Contains(q.others, one.ID) {
				return one.ID, nil
			}
		}
		if listed.Paging.Next == "" {
			return "", nil
		}
		after = listed.Paging.Cursors.After
	}
	return "", &channels.Error{Class: channels.Rejected, Code: "too_many_posts", Err: errors.New("not all posts were read")}
}

type listed struct {
	Data *[]struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	} `json:"data"`
	Paging struct {
		Cursors struct {
			After string `json:"after"`
		} `json:"cursors"`
		Next string `json:"next"`
	} `json:"paging"`
}

// readListed reads a page of posts.
func readListed(a channels.Answer) (listed, error) {
	var l listed
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &l) != nil || l.Data == nil || (l.Paging.Next != "" && l.Paging.Cursors.After == "") {
		return listed{}, refusal(a)
	}
	return l, nil
}

// postForm is a post's id: that of its Page, and its own.
var postForm = regexp.MustCompile(`^[0-9]+_[0-9]+$`)

// Inquire implements [channels.Inquirer]: by the post's id, or by its text among the Page's posts.
func (s *sender) Inquire(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	r := channels.Receipt{Ref: q.Ref, State: channels.ReceiptDelivered}
	if q.ProviderID != "" {
		if _, err := s.read(ctx, q.ProviderID); err != nil {
			return channels.Receipt{}, err
		}
		r.ProviderID = q.ProviderID
		return r, nil
	}
	p, err := s.pages.Of(q.Address)
	if err != nil {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "no_such_account", Err: err}
	}
	text := social.Facebook().Fit(q.Text, maxCharacters)
	if r.ProviderID, err = s.find(ctx, p, search{text: text, after: q.SentAfter, others: q.Others}); err != nil {
		return channels.Receipt{}, err
	}
	if r.ProviderID == "" {
		r.State = channels.ReceiptAbsent
	}
	return r, nil
}

// read reads a post's id, by the token of the Page that it is on.
func (s *sender) read(ctx context.Context, id string) (string, error) {
	if !postForm.MatchString(id) {
		return "", &channels.Error{Class: channels.Rejected, Code: "no_post", Err: errors.New("not the id of a post")}
	}
	page, _, _ := strings.Cut(id, "_")
	owner, err := s.pages.Of(page)
	if err != nil {
		return "", &channels.Error{Class: channels.Rejected, Code: "no_such_account", Err: err}
	}
	answer, err := s.call(ctx, owner, http.MethodGet, id, url.Values{"fields": {"id"}})
	if err != nil {
		return "", err
	}
	return readID(answer)
}
