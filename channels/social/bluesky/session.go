package bluesky

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

// session is what an account's server gives for a password. Its access token lasts for minutes or hours,
// its refresh token for weeks.
type session struct {
	Access  channels.Secret `json:"accessJwt"`
	Refresh channels.Secret `json:"refreshJwt"`
	DID     string          `json:"did"`
}

func (s session) header() http.Header {
	return http.Header{"Authorization": {"Bearer " + s.Access.Reveal()}, "Content-Type": {"application/json"}}
}

// account is an account with its session, which all its posts share: servers allow few log-ins. It is safe
// for concurrent use.
type account struct {
	api      *channels.API
	handle   string
	password channels.Secret
	turn     chan struct{} // whoever has put its one element in owns current
	current  session
}

func newAccount(api *channels.API, handle string, password channels.Secret) *account {
	return &account{api: api, handle: handle, password: password, turn: make(chan struct{}, 1)}
}

// call makes a request under the account's session; once more with a new one if that has ended, which
// says that nothing was done.
func (a *account) call(ctx context.Context, request func(session) (channels.Answer, error)) (channels.Answer, error) {
	who, err := a.session(ctx, "")
	if err != nil {
		return channels.Answer{}, err
	}
	answer, err := request(who)
	if err != nil || !ended(answer) {
		return answer, err
	}
	if who, err = a.session(ctx, who.Access); err != nil {
		return channels.Answer{}, err
	}
	return request(who)
}

// ended reports whether a server no longer takes an access token. It says so with status 400.
func ended(a channels.Answer) bool { return name(a) == "ExpiredToken" || name(a) == "InvalidToken" }

// session returns the account's session, a new one if there is none or its access token is the one given,
// which has ended. Errors say that nothing was sent.
func (a *account) session(ctx context.Context, over channels.Secret) (session, error) {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return session{}, social.NothingSent(channels.NetworkError(ctx, ctx.Err()))
	}
	defer func() { <-a.turn }()
	if a.current.Access != "" && a.current.Access != over {
		return a.current, nil
	}
	next, err := a.renew(ctx)
	if err != nil {
		return session{}, social.NothingSent(err)
	}
	a.current = next
	return next, nil
}

// renew refreshes the session, or logs in where there is none or it can't be refreshed any more.
func (a *account) renew(ctx context.Context) (session, error) {
	if refresh := a.current.Refresh; refresh != "" {
		a.current.Refresh = "" // it is good for once
		s, err := a.open(ctx, "refreshSession", http.Header{"Authorization": {"Bearer " + refresh.Reveal()}}, nil)
		if err == nil || channels.AsError(err).Class != channels.Auth {
			return s, err
		}
	}
	body, err := json.Marshal(map[string]string{"identifier": a.handle, "password": a.password.Reveal()})
	if err != nil {
		return session{}, err
	}
	return a.open(ctx, "createSession", http.Header{"Content-Type": {"application/json"}}, body)
}

func (a *account) open(ctx context.Context, method string, header http.Header, body []byte) (session, error) {
	answer, err := a.api.Call(ctx, http.MethodPost, "/xrpc/com.atproto.server."+method, header, body)
	if err != nil {
		return session{}, err
	}
	var s session
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &s) != nil || s.Access == "" || s.DID == "" {
		return session{}, refusal(answer)
	}
	return s, nil
}
