package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// request is a description, ready to be filled in.
type request struct {
	method      string
	base        string // scheme and host
	path, query template
	header      map[string]template
	contentType string
	body        func(values) ([]byte, error) // nil for none
	callback    bool                         // whether {callback} or {ref} is in it anywhere
	ref         bool
}

// rendered is a request for one message.
type rendered struct {
	path   string
	header http.Header
	body   []byte
}

// use notes which placeholders a template has.
func (r *request) use(t template) {
	r.callback = r.callback || t.has("callback")
	r.ref = r.ref || t.has("ref")
}

// compileRequest checks the description of the request.
func (c *Config) compileRequest() (request, error) {
	r := request{header: map[string]template{}}
	for name, secret := range c.Secrets {
		if slices.Contains(builtin(), name) || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" || name == "" {
			return r, fmt.Errorf("secrets.%s: want a name of small letters and _, and none of %s", name, strings.Join(builtin(), ", "))
		}
		if secret == "" {
			return r, fmt.Errorf("secrets.%s: empty", name)
		}
	}
	for _, step := range []func(*request) error{c.compileURL, c.compileHeaders, c.compileBody, c.compileMethod} {
		if err := step(&r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// compileURL takes the URL apart. Scheme and host are fixed: no value may choose where a message goes.
func (c *Config) compileURL(r *request) error {
	raw, query, _ := strings.Cut(c.Request.URL, "?")
	scheme, rest, _ := strings.Cut(raw, "://")
	host, path, _ := strings.Cut(rest, "/")
	switch {
	case c.Request.URL == "":
		return errors.New("request.url: missing")
	case (scheme != "https" && scheme != "http") || host == "" || strings.ContainsAny(host, "{}@"):
		return errors.New("request.url: want an absolute http or https URL, without placeholders or a password before its path")
	case strings.Contains(c.Request.URL, "#"):
		return errors.New("request.url: has a fragment, which is never sent")
	}
	r.base = scheme + "://" + host
	var err error
	if r.path, err = c.parse("/" + path); err != nil {
		return fmt.Errorf("request.url: %w", err)
	}
	if r.query, err = c.parse(query); err != nil {
		return fmt.Errorf("request.url: %w", err)
	}
	r.use(r.path)
	r.use(r.query)
	return nil
}

func (c *Config) compileHeaders(r *request) error {
	for name, value := range c.Request.Headers {
		t, err := c.parse(value.Reveal())
		switch {
		case err != nil:
			return fmt.Errorf("request.headers.%s: %w", name, err)
		case t.has("text"):
			return fmt.Errorf("request.headers.%s: has {text}, but a header can't carry every text", name)
		case name == "" || strings.ContainsAny(name, "\r\n\x00: "):
			return fmt.Errorf("request.headers: %q is no header's name", name)
		case strings.ContainsAny(value.Reveal()+c.From, "\r\n\x00"):
			return fmt.Errorf("request.headers.%s: has a line end", name)
		}
		for _, secret := range c.Secrets {
			if strings.ContainsAny(secret.Reveal(), "\r\n\x00") {
				return fmt.Errorf("request.headers.%s: a secret has a line end", name)
			}
		}
		r.header[http.CanonicalHeaderKey(name)] = t
		r.use(t)
	}
	return nil
}

func (c *Config) compileMethod(r *request) error {
	r.method = c.Request.Method
	if r.method == "" {
		r.method = http.MethodGet
		if r.body != nil {
			r.method = http.MethodPost
		}
	}
	switch {
	case r.method != http.MethodGet && r.method != http.MethodPost && r.method != http.MethodPut:
		return errors.New("request.method: want GET, POST or PUT")
	case r.method == http.MethodGet && r.body != nil:
		return errors.New("request.method: GET has no body; drop it, or request's json, form or xml")
	}
	return nil
}

// render fills the request in for one message.
func (r *request) render(v values) (rendered, error) {
	out := rendered{path: r.path.render(v, url.PathEscape), header: http.Header{}}
	if len(r.query) > 0 {
		out.path += "?" + r.query.render(v, url.QueryEscape)
	}
	if r.contentType != "" {
		out.header.Set("Content-Type", r.contentType)
	}
	for name, t := range r.header {
		out.header[name] = []string{t.render(v, asIs)}
	}
	if r.body == nil {
		return out, nil
	}
	body, err := r.body(v)
	if err != nil {
		return out, errors.New("the body can't be written")
	}
	out.body = body
	return out, nil
}
