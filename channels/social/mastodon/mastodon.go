// Package mastodon posts on accounts of a Mastodon instance.
//
// The recipient of a public post is the account on which it appears, so a message's address is the
// handle of one of the accounts that the configuration has an access token for; a post for any other
// account is refused before it can appear in the wrong place. Once the instance has answered with the
// post's id the post is there to be read, so the answer itself proves Delivered, to the account.
//
// A post that was sent before is recognised by its Idempotency-Key for an hour. Servers that only
// speak Mastodon's API may ignore the key; GoToSocial does. So what became of a post whose answer was lost
// is looked for among the account's posts before it is repeated.
//
// A post of any age can be taken back, 30 of an account in 30 minutes. Whoever has seen it has seen it, and
// other servers are only asked to delete their copies.
//
// Wire format follows https://docs.joinmastodon.org/methods/statuses/#create, #get, #source and #delete, and
// https://docs.joinmastodon.org/methods/accounts/#verify_credentials and #statuses.
package mastodon

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "mastodon",
		Title:    "Mastodon",
		Kind:     channels.Social,
		Channel:  "mastodon",
		Proofs:   []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:  channels.SilenceIsFailure,
		// Not every server of this API is Idempotent; all of them can be asked.
		InquireAfter: time.Minute,
		Threads:      true,
		RecallWithin: channels.Always,
		// https://docs.joinmastodon.org/api/rate-limits/: 300 requests in 5 minutes.
		Limits:  channels.Limits{PerSecond: 1, Concurrency: 2, Timeout: 30 * time.Second},
		Docs:    "https://docs.joinmastodon.org/methods/statuses/#create",
		Example: "base_url: https://social.example\naccounts:\n  outages: ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0\n",
		New:     newSender,
	}
}

type sender struct {
	api        *channels.API
	tokens     social.Accounts[channels.Secret]
	visibility string
	limit      int
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{Visibility: "public", MaxCharacters: 500}
	if err := decode(&c); err != nil {
		return nil, err
	}
	tokens, err := c.check()
	if err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return &sender{api: api, tokens: tokens, visibility: c.Visibility, limit: c.MaxCharacters}, nil
}

// Send implements [channels.Sender]. The address is the handle of a configured account.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	token, err := s.tokens.Of(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	if n := social.Mastodon().Length(m.Text); n > s.limit {
		return channels.Ack{}, &channels.Error{
			Class: channels.Rejected, Code: "too_long", Err: fmt.Errorf("%d characters, at most %d are taken", n, s.limit),
		}
	}
	answer, err := s.post(ctx, token, m)
	if err == nil && m.Thread != "" && noThread(answer.Status) {
		m.Thread = ""
		answer, err = s.post(ctx, token, m)
	}
	if err != nil {
		return channels.Ack{}, err
	}
	return readAck(answer)
}

// noThread reports whether a reply was refused for what may be the lack of what it replies to: 404 for
// Mastodon itself, others for other servers of its API. Any of them says that nothing was posted, and a
// refused post takes no Idempotency-Key, so that the same post without the thread can't be a second one.
func noThread(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone || status == http.StatusUnprocessableEntity
}

func (s *sender) post(ctx context.Context, token channels.Secret, m channels.Message) (channels.Answer, error) {
	header := authorized(token)
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	// Not in its canonical form, by which net/http would know that it may send a request again by
	// itself: adapters never do, and not every server knows the key.
	header["idempotency-key"] = []string{m.Ref}
	return s.api.Call(ctx, http.MethodPost, "/api/v1/statuses", header, []byte(s.form(m).Encode()))
}

func (s *sender) form(m channels.Message) url.Values {
	form := url.Values{"status": {m.Text}, "visibility": {s.visibility}}
	if l := language(m.Locale); l != "" {
		form.Set("language", l)
	}
	if m.Thread != "" {
		form.Set("in_reply_to_id", m.Thread)
	}
	return form
}

// language is the ISO 639-1 code in a locale, "" if it has none of two letters.
func language(locale string) string {
	l, _, _ := strings.Cut(locale, "-")
	if len(l) != 2 {
		return ""
	}
	return strings.ToLower(l)
}

func authorized(token channels.Secret) http.Header {
	return http.Header{"Authorization": {"Bearer " + token.Reveal()}}
}

// Probe implements [channels.Prober] with verify_credentials for every account.
func (s *sender) Probe(ctx context.Context) error {
	for _, token := range s.tokens {
		answer, err := s.api.Call(ctx, http.MethodGet, "/api/v1/accounts/verify_credentials", authorized(token), nil)
		if err != nil {
			return err
		}
		if _, err := readID(answer); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
