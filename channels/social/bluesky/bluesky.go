// Package bluesky posts on accounts of Bluesky, or of any other server of the AT Protocol.
//
// The recipient of a public post is the account on which it appears, so a message's address is the handle
// of one of the accounts that the configuration has an app password for. Once the account's server has
// answered with the post's address the post is there to be read, so the answer itself proves Delivered.
//
// A post is a record under a key of our own, which the attempt's reference decides, and is only put where
// there is none yet (swapRecord null). A post that was sent before is therefore found, not made twice,
// and at any later time the server can be asked whether it has it. (createRecord, asked for the same key
// twice, fails with a server error that says nothing.)
//
// Posts are cut to what the network takes, see [social.Rules.Fit]. Links in them are made ones by facets,
// which go by offsets of bytes; the network makes none by itself.
//
// A post of any age can be taken back. Whoever has seen it has seen it, and others than the account's server
// may keep copies.
//
// Wire format follows https://docs.bsky.app/docs/api/com-atproto-repo-put-record, …-get-record, …-delete-record,
// com-atproto-server-create-session and …-refresh-session, https://atproto.com/specs/record-key and
// https://docs.bsky.app/docs/advanced-guides/post-richtext.
package bluesky

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "bluesky",
		Title:        "Bluesky",
		Kind:         channels.Social,
		Channel:      "bluesky",
		Proofs:       []channels.Proof{channels.Accepted, channels.Delivered},
		Silence:      channels.SilenceIsFailure,
		Idempotent:   true,
		InquireAfter: time.Minute,
		Threads:      true,
		RecallWithin: channels.Always,
		// https://docs.bsky.app/docs/advanced-guides/rate-limits: 5,000 points an hour and account, where a
		// record put costs 3 at most; 3,000 requests in 5 minutes from one address.
		Limits:  channels.Limits{PerSecond: 0.4, Concurrency: 2, Timeout: 30 * time.Second},
		Docs:    "https://docs.bsky.app/docs/api/com-atproto-repo-put-record",
		Example: "accounts:\n  outages.bank.example: abcd-efgh-ijkl-mnop # an app password\n",
		New:     newSender,
	}
}

// Config is the adapter's configuration.
type Config struct {
	// BaseURL is the accounts' server (PDS), or the entry to it.
	BaseURL string `yaml:"base_url"`
	// Accounts are app passwords by the handle of their account ("outages.bank.example"). Several
	// accounts may speak several languages.
	Accounts map[string]channels.Secret `yaml:"accounts"`
}

type sender struct {
	api      *channels.API
	accounts social.Accounts[*account]
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://bsky.social"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	accounts := make(map[string]*account, len(c.Accounts))
	for handle, password := range c.Accounts {
		accounts[handle] = newAccount(api, social.Handle(handle), password)
	}
	all, err := social.NewAccounts(accounts, func(a *account) error { return social.CheckToken(a.password) })
	if err != nil {
		return nil, err
	}
	return &sender{api: api, accounts: all}, nil
}

// Send implements [channels.Sender]. The address is the handle of a configured account.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	a, err := s.accounts.Of(m.Address)
	if err != nil {
		return channels.Ack{}, err
	}
	p, err := newPost(m, time.Now())
	if err != nil {
		return channels.Ack{}, err
	}
	if p.Reply, err = s.reply(ctx, a, m.Thread); err != nil {
		return channels.Ack{}, social.NothingSent(err)
	}
	uri, err := s.put(ctx, a, recordKey(m.Ref), p)
	if err != nil {
		return channels.Ack{}, err
	}
	return channels.Ack{ID: uri, Proof: channels.Delivered}, nil
}

// put puts a post under a key, unless it is there, and returns its address.
func (s *sender) put(ctx context.Context, a *account, key string, p post) (uri string, err error) {
	answer, err := a.call(ctx, func(who session) (channels.Answer, error) {
		body, err := json.Marshal(write{Repo: who.DID, Collection: collection, Key: key, Record: p})
		if err != nil {
			return channels.Answer{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
		}
		return s.api.Call(ctx, http.MethodPost, "/xrpc/com.atproto.repo.putRecord", who.header(), body)
	})
	if err != nil {
		return "", err
	}
	if name(answer) == "InvalidSwap" {
		return s.existing(ctx, a, key, p.Text)
	}
	var put struct {
		URI string `json:"uri"`
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &put) != nil || put.URI == "" {
		return "", refusal(answer)
	}
	return put.URI, nil
}

// existing returns the address of the post that stands under a key already. It is the same one: it was
// put there under the same reference.
func (s *sender) existing(ctx context.Context, a *account, key, text string) (uri string, err error) {
	r, err := s.get(ctx, a, "", key)
	switch {
	case err != nil: // whatever it says of asking, the post is there
		return "", &channels.Error{Class: channels.Unknown, Code: "there_already", Err: err}
	case r.Value.Text != text:
		return "", &channels.Error{Class: channels.Rejected, Code: "key_taken", Err: errors.New("another post has the record key")}
	}
	return r.URI, nil
}

// reply is what makes a post follow another in its thread, nil if that is gone: the network itself would
// take the reply, and show it under nothing.
func (s *sender) reply(ctx context.Context, a *account, thread string) (*replyTo, error) {
	did, key, ok := parseURI(thread)
	if !ok {
		return nil, nil
	}
	r, err := s.get(ctx, a, did, key)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	first := ref{URI: r.URI, CID: r.CID}
	return &replyTo{Root: first, Parent: first}, nil
}

// record is a post as its server has it.
type record struct {
	URI   string `json:"uri"`
	CID   string `json:"cid"`
	Value struct {
		Text string `json:"text"`
	} `json:"value"`
}

// errAbsent is the cause of an error that says that a server doesn't have a record.
var errAbsent = errors.New("there is no such record")

// get reads the post under a key, of the account itself where did is "".
func (s *sender) get(ctx context.Context, a *account, did, key string) (record, error) {
	answer, err := a.call(ctx, func(who session) (channels.Answer, error) {
		q := url.Values{"repo": {did}, "collection": {collection}, "rkey": {key}}
		if did == "" {
			q.Set("repo", who.DID)
		}
		return s.api.Call(ctx, http.MethodGet, "/xrpc/com.atproto.repo.getRecord?"+q.Encode(), who.header(), nil)
	})
	if err != nil {
		return record{}, err
	}
	if name(answer) == "RecordNotFound" {
		return record{}, &channels.Error{Class: channels.Rejected, Code: "400 RecordNotFound", Err: errAbsent}
	}
	var r record
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &r) != nil || r.URI == "" || r.CID == "" {
		return record{}, refusal(answer)
	}
	return r, nil
}

// Inquire implements [channels.Inquirer]: the reference says under which key the post is, if it is.
func (s *sender) Inquire(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	did, key, sent := parseURI(q.ProviderID)
	a := s.accounts.Any() // posts are public
	if !sent {
		var err error
		if a, err = s.accounts.Of(q.Address); err != nil {
			return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "no_such_account", Err: err}
		}
		did, key = "", recordKey(q.Ref)
	}
	r, err := s.get(ctx, a, did, key)
	switch {
	case err == nil:
		return channels.Receipt{Ref: q.Ref, ProviderID: r.URI, State: channels.ReceiptDelivered}, nil
	case errors.Is(err, errAbsent) && !sent:
		return channels.Receipt{Ref: q.Ref, State: channels.ReceiptAbsent}, nil
	}
	return channels.Receipt{}, err
}

// Probe implements [channels.Prober] with getSession for every account.
func (s *sender) Probe(ctx context.Context) error {
	for _, a := range s.accounts {
		answer, err := a.call(ctx, func(who session) (channels.Answer, error) {
			return s.api.Call(ctx, http.MethodGet, "/xrpc/com.atproto.server.getSession", who.header(), nil)
		})
		if err != nil {
			return err
		}
		if answer.Status != http.StatusOK {
			return refusal(answer)
		}
	}
	return nil
}

// Close implements [channels.Sender]. Sessions end by themselves; the connections are the HTTP client's.
func (s *sender) Close() error { return nil }
