package fcm

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/push"
)

const (
	scope     = "https://www.googleapis.com/auth/firebase.messaging"
	grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523, section 4
	// assertionLife is how long the signed request for an access token is valid; an hour is the most.
	assertionLife = time.Hour
	// renewBefore is how long before its end an access token is no longer used.
	renewBefore = 5 * time.Minute
	// shortestLife keeps a token endpoint that hands out tokens of no life from being asked for each
	// message.
	shortestLife = 10 * time.Second
)

// account is what is used of a service account's key file.
type account struct {
	Type         string          `json:"type"`
	ProjectID    string          `json:"project_id"`
	PrivateKeyID string          `json:"private_key_id"`
	PrivateKey   channels.Secret `json:"private_key"`
	ClientEmail  string          `json:"client_email"`
	TokenURI     string          `json:"token_uri"`
}

// projectID is from https://cloud.google.com/resource-manager/docs/creating-managing-projects; older ones
// have a domain before a colon.
var projectID = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]{3,62}$`)

func readAccount(in channels.Secret) (account, error) {
	var a account
	switch err := json.Unmarshal([]byte(in.Reveal()), &a); {
	case in == "":
		return a, errors.New("service_account: missing, want the JSON of its key file")
	case err != nil:
		return a, errors.New("service_account: no JSON; want the contents of its key file")
	case a.Type != "service_account":
		return a, errors.New(`service_account: not of the type "service_account"`)
	case !projectID.MatchString(a.ProjectID):
		return a, errors.New("service_account: project_id is missing or is none")
	case a.ClientEmail == "" || a.TokenURI == "":
		return a, errors.New("service_account: client_email or token_uri is missing")
	}
	return a, nil
}

// tokens gets access tokens, one at a time, and keeps the last until shortly before its end.
type tokens struct {
	account account
	key     *rsa.PrivateKey
	api     *channels.API

	lock    chan struct{} // holds one value while somebody reads, gets or drops the token
	current channels.Secret
	renewAt time.Time
}

func newTokens(a account, env channels.Env) (*tokens, error) {
	key, err := push.PrivateKey[*rsa.PrivateKey](a.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("service_account: private_key: %w", err)
	}
	api, err := channels.NewAPI(a.TokenURI, env)
	if err != nil {
		return nil, errors.New("token_url: want an absolute URL without query")
	}
	return &tokens{account: a, key: key, api: api, lock: make(chan struct{}, 1)}, nil
}

// get returns an access token. While one is being had, the others wait for it, each as long as its ctx.
func (t *tokens) get(ctx context.Context) (channels.Secret, error) {
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return "", &channels.Error{Class: channels.Unavailable, Code: "token timeout", Err: ctx.Err()}
	}
	if t.current != "" && time.Now().Before(t.renewAt) {
		return t.current, nil
	}
	got, life, err := t.exchange(ctx)
	if err != nil {
		return "", err
	}
	t.current, t.renewAt = got, time.Now().Add(max(life-renewBefore, shortestLife))
	return got, nil
}

// drop forgets a token that was refused, unless there is a newer one.
func (t *tokens) drop(refused channels.Secret) {
	t.lock <- struct{}{}
	defer func() { <-t.lock }()
	if t.current == refused {
		t.current = ""
	}
}

// claims are those of the assertion.
type claims struct {
	Issuer   string `json:"iss"`
	Scope    string `json:"scope"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// exchange has an access token made for an assertion that is signed by the service account.
func (t *tokens) exchange(ctx context.Context) (channels.Secret, time.Duration, error) {
	now := time.Now()
	assertion, err := push.SignRS256(t.key, push.Header{Type: "JWT", KeyID: t.account.PrivateKeyID}, claims{
		t.account.ClientEmail, scope, t.account.TokenURI, now.Unix(), now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", 0, &channels.Error{Class: channels.Auth, Code: "token signature", Err: errors.New("the service account's key can't sign")}
	}
	form := url.Values{"grant_type": {grantType}, "assertion": {assertion}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	answer, err := t.api.Call(ctx, http.MethodPost, "", header, []byte(form.Encode()))
	if err != nil {
		return "", 0, nothingSent(channels.AsError(err))
	}
	return readToken(answer)
}

// readToken reads the answer to an exchange (RFC 6749, sections 5.1 and 5.2).
func readToken(a channels.Answer) (channels.Secret, time.Duration, error) {
	var granted struct {
		AccessToken channels.Secret `json:"access_token"`
		ExpiresIn   int64           `json:"expires_in"`
		Error       string          `json:"error"`
	}
	unreadable := json.Unmarshal(a.Body, &granted) != nil
	if a.Status == http.StatusOK && !unreadable && granted.AccessToken != "" {
		return granted.AccessToken, time.Duration(min(granted.ExpiresIn, 24*60*60)) * time.Second, nil
	}
	e := nothingSent(a.Refusal())
	if a.Status == http.StatusBadRequest { // invalid_grant, invalid_client, invalid_scope …
		e.Class = channels.Auth
	}
	if oauthError.MatchString(granted.Error) {
		e.Code += " " + granted.Error
	}
	return "", 0, e
}

// oauthError is how the codes of RFC 6749, section 5.2, look.
var oauthError = regexp.MustCompile(`^[a-z_]{1,40}$`)

// nothingSent makes the class of an error in getting a token what it means for the message: that it did
// not go out.
func nothingSent(e *channels.Error) *channels.Error {
	if e.Class == channels.Unknown {
		e.Class = channels.Unavailable
	}
	e.Code = "token " + e.Code
	return e
}
