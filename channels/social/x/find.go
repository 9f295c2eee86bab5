package x

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// account is an account with its user id, which is asked for once. It is safe for concurrent use.
type account struct {
	keys keys
	mu   sync.Mutex
	id   string
}

func (s *sender) userID(ctx context.Context, a *account) (string, error) {
	a.mu.Lock()
	id := a.id
	a.mu.Unlock()
	if id != "" {
		return id, nil
	}
	return s.askUserID(ctx, a)
}

func (s *sender) askUserID(ctx context.Context, a *account) (string, error) {
	answer, err := s.call(ctx, a, http.MethodGet, "/2/users/me", nil, nil)
	if err != nil {
		return "", err
	}
	p, err := readPost(answer)
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id = p.ID
	return p.ID, nil
}

// search is what a post is looked for by: its text, since when, and which ones it isn't.
type search struct {
	text   string
	after  time.Time
	others []string
}

// clockSkew is how far X's clock may be behind ours.
const clockSkew = time.Minute

// pages bounds how many pages of posts are read, of 100 each.
const pages = 10

// find returns the id of an account's post, "" if it has none such. On an error it may have.
func (s *sender) find(ctx context.Context, a *account, q search) (id string, err error) {
	user, err := s.userID(ctx, a)
	if err != nil {
		return "", err
	}
	params := url.Values{
		"max_results": {"100"}, "tweet.fields": {"entities"}, "exclude": {"retweets"},
		"start_time": {q.after.Add(-clockSkew).UTC().Format("2006-01-02T15:04:05Z")},
	}
	for range pages {
		answer, err := s.call(ctx, a, http.MethodGet, "/2/users/"+url.PathEscape(user)+"/tweets", params, nil)
		if err != nil {
			return "", err
		}
		page, err := readPage(answer)
		if err != nil {
			return "", err
		}
		for _, p := range page.Data {
			if same(p.written(), q.text) && !slices.Contains(q.others, p.ID) {
				return p.ID, nil
			}
		}
		if page.Meta.Next == "" {
			return "", nil
		}
		params.Set("pagination_token", page.Meta.Next)
	}
	return "", &channels.Error{Class: channels.Rejected, Code: "too_many_posts", Err: errors.New("not all posts were read")}
}

// post is a post, or what else has an id.
type post struct {
	ID       string `json:"id"`
	Text     string `json:"text"`
	Entities struct {
		URLs []struct {
			URL      string `json:"url"`
			Expanded string `json:"expanded_url"`
		} `json:"urls"`
	} `json:"entities"`
}

type page struct {
	Data []post `json:"data"`
	Meta struct {
		Count *int   `json:"result_count"`
		Next  string `json:"next_token"`
	} `json:"meta"`
}

// readPage reads a page of posts. Without its count it may be anything.
func readPage(a channels.Answer) (page, error) {
	var p page
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &p) != nil || p.Meta.Count == nil || *p.Meta.Count != len(p.Data) {
		return page{}, refusal(a)
	}
	return p, nil
}

// written is the text as it was written: X shortens links, and escapes what HTML would have to.
func (p *post) written() string {
	text := p.Text
	for _, u := range p.Entities.URLs {
		text = strings.Replace(text, u.URL, u.Expanded, 1)
	}
	return html.UnescapeString(text)
}

// same reports whether two texts are the same but for what X may change, the scheme of a link that had
// none too.
func same(a, b string) bool {
	scheme := strings.NewReplacer("https://", "", "http://", "")
	return social.SameText(scheme.Replace(a), scheme.Replace(b))
}

// Inquire implements [channels.Inquirer]: by the post's id, or by its text among the account's posts.
func (s *sender) Inquire(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	if q.ProviderID != "" {
		return s.inquireByID(ctx, q)
	}
	a, err := s.accounts.Of(q.Address)
	if err != nil {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "no_such_account", Err: err}
	}
	text := social.X().Fit(q.Text, maxWeight)
	id, err := s.find(ctx, a, search{text: text, after: q.SentAfter, others: q.Others})
	if err != nil {
		return channels.Receipt{}, err
	}
	r := channels.Receipt{Ref: q.Ref, ProviderID: id, State: channels.ReceiptDelivered}
	if id == "" {
		r.State = channels.ReceiptAbsent
	}
	return r, nil
}

// inquireByID asks by any of the accounts: posts are public.
func (s *sender) inquireByID(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	answer, err := s.call(ctx, s.accounts.Any(), http.MethodGet, "/2/tweets/"+url.PathEscape(q.ProviderID), nil, nil)
	if err != nil {
		return channels.Receipt{}, err
	}
	p, err := readPost(answer)
	if err != nil {
		return channels.Receipt{}, err
	}
	return channels.Receipt{Ref: q.Ref, ProviderID: p.ID, State: channels.ReceiptDelivered}, nil
}
