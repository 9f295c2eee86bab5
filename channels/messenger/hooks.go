package messenger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/tocsin-dev/tocsin/channels"
)

// Hooks are incoming webhooks of a chat service by name. Whoever knows such a webhook's URL can post to
// its channel, so the URL is a secret: it stands in the configuration, and the directory and all that is
// recorded of a message have the name only. Safe for concurrent use.
type Hooks struct{ byName map[string]hook }

type hook struct {
	api *channels.API
	url *url.URL // of which scheme and host don't count
}

// hookName is how webhooks are called.
var hookName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)

// CheckHookName checks that s can be the name of a webhook in the configuration.
func CheckHookName(s string) (string, error) {
	if !hookName.MatchString(s) {
		return "", errors.New("is no webhook's name: want a-z, 0-9, '-', '_' and '.'")
	}
	return s, nil
}

// NewHooks returns the webhooks at urls. base, unless it is "", takes the place of scheme and host of all
// of them. An error names the key, webhooks or base_url, and no URL.
func NewHooks(urls map[string]channels.Secret, base string, env channels.Env) (*Hooks, error) {
	if len(urls) == 0 {
		return nil, errors.New("webhooks: missing, want at least one name with its URL")
	}
	h := &Hooks{byName: make(map[string]hook, len(urls))}
	for name, secret := range urls {
		if _, err := CheckHookName(name); err != nil {
			return nil, fmt.Errorf("webhooks: %q %w", name, err)
		}
		u, err := channels.CheckURL(secret.Reveal())
		if err != nil {
			return nil, fmt.Errorf("webhooks: %s %w", name, err)
		}
		origin := base
		if origin == "" {
			origin = u.Scheme + "://" + u.Host
		}
		api, err := channels.NewAPI(origin, env)
		if err != nil {
			return nil, err
		}
		h.byName[name] = hook{api, u}
	}
	return h, nil
}

// named returns the webhook of a name; an error is as Post says.
func (h *Hooks) named(name string) (hook, error) {
	to, ok := h.byName[name]
	if !ok {
		return hook{}, &channels.Error{
			Class: channels.Rejected, Code: "no_such_webhook", Err: errors.New("not among the webhooks configured"),
		}
	}
	return to, nil
}

// Post posts v as JSON, of at most limit bytes, to the webhook of a name. Errors are those of
// [channels.API.Call], and Rejected for what is too long and for a name that isn't configured: as
// InvalidAddress the name would be shunned after it was added.
func (h *Hooks) Post(ctx context.Context, name string, v any, limit int) (channels.Answer, error) {
	to, err := h.named(name)
	if err != nil {
		return channels.Answer{}, err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return channels.Answer{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	if len(body) > limit {
		return channels.Answer{}, &channels.Error{
			Class: channels.Rejected, Code: "too_long", Err: fmt.Errorf("%d bytes, at most %d are taken", len(body), limit),
		}
	}
	return to.api.Call(ctx, http.MethodPost, to.url.RequestURI(), http.Header{"Content-Type": {"application/json"}}, body)
}

// Delete deletes what is at path below the webhook of a name, with those parameters of the webhook's own
// query that keep names. Errors are those of Post.
func (h *Hooks) Delete(ctx context.Context, name, path string, keep ...string) (channels.Answer, error) {
	to, err := h.named(name)
	if err != nil {
		return channels.Answer{}, err
	}
	own, query := to.url.Query(), url.Values{}
	for _, k := range keep {
		if v, ok := own[k]; ok {
			query[k] = v
		}
	}
	u := to.url.JoinPath(path)
	u.RawQuery = query.Encode()
	return to.api.Call(ctx, http.MethodDelete, u.RequestURI(), nil, nil)
}
