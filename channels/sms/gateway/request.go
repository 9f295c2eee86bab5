package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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

// compileBody compiles the one body that is described.
func (c *Config) compileBody(r *request) error {
	q := c.Request
	n := 0
	for _, given := range []bool{q.JSON != nil, q.Form != nil, q.XML != ""} {
		if given {
			n++
		}
	}
	switch {
	case n > 1:
		return errors.New("request: json, form, xml: at most one of them")
	case q.JSON != nil:
		return c.compileJSON(r)
	case q.Form != nil:
		return c.compileForm(r)
	case q.XML != "":
		return c.compileXML(r)
	}
	return nil
}

func (c *Config) compileForm(r *request) error {
	fields := map[string]template{}
	for name, value := range c.Request.Form {
		t, err := c.parse(value)
		if err != nil {
			return fmt.Errorf("request.form.%s: %w", name, err)
		}
		fields[name] = t
		r.use(t)
	}
	r.contentType = "application/x-www-form-urlencoded"
	r.body = func(v values) ([]byte, error) {
		form := url.Values{}
		for name, t := range fields {
			form.Set(name, t.render(v, asIs)) // Encode escapes
		}
		return []byte(form.Encode()), nil
	}
	return nil
}

// compileXML checks that a document is one, too.
func (c *Config) compileXML(r *request) error {
	t, err := c.parse(c.Request.XML)
	if err != nil {
		return fmt.Errorf("request.xml: %w", err)
	}
	r.use(t)
	r.contentType = "application/xml; charset=UTF-8"
	r.body = func(v values) ([]byte, error) { return []byte(t.render(v, escapeXML)), nil }
	for in := xml.NewDecoder(strings.NewReader(t.render(values{}, escapeXML))); ; {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("request.xml: %w", err)
		}
	}
}

func escapeXML(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes everything
	return b.String()
}

// filling gives a value of a JSON document for one message.
type filling func(values) any

func (c *Config) compileJSON(r *request) error {
	fill, err := c.compileValue("request.json", c.Request.JSON, r)
	if err != nil {
		return err
	}
	r.contentType = "application/json"
	r.body = func(v values) ([]byte, error) {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		err := enc.Encode(fill(v))
		return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
	}
	return nil
}

// compileValue compiles a value at a key, of any shape.
func (c *Config) compileValue(key string, value any, r *request) (filling, error) {
	switch value := value.(type) {
	case map[string]any:
		return c.compileObject(key, value, r)
	case []any:
		return c.compileArray(key, value, r)
	case string:
		return c.compileString(key, value, r)
	case bool, int, float64, nil:
		return func(values) any { return value }, nil
	}
	return nil, fmt.Errorf("%s: a value that JSON doesn't have; write it in quotes", key)
}

func (c *Config) compileObject(key string, object map[string]any, r *request) (filling, error) {
	fields := map[string]filling{}
	for name, value := range object {
		f, err := c.compileValue(key+"."+name, value, r)
		if err != nil {
			return nil, err
		}
		fields[name] = f
	}
	return func(v values) any {
		filled := make(map[string]any, len(fields))
		for name, f := range fields {
			filled[name] = f(v)
		}
		return filled
	}, nil
}

func (c *Config) compileArray(key string, array []any, r *request) (filling, error) {
	var items []filling
	for i, value := range array {
		f, err := c.compileValue(key+"."+strconv.Itoa(i), value, r)
		if err != nil {
			return nil, err
		}
		items = append(items, f)
	}
	return func(v values) any {
		filled := make([]any, 0, len(items))
		for _, f := range items {
			filled = append(filled, f(v))
		}
		return filled
	}, nil
}

func (c *Config) compileString(key, text string, r *request) (filling, error) {
	t, err := c.parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	r.use(t)
	if !slices.ContainsFunc(t, func(p part) bool { return p.number }) {
		return func(v values) any { return t.render(v, asIs) }, nil // the encoder escapes
	}
	if len(t) != 1 || !c.isNumeric(t[0].name) {
		return nil, fmt.Errorf("%s: a number is a whole value, of validity, digits or an encoding in digits", key)
	}
	name := t[0].name
	return func(v values) any { return json.Number(v[name]) }, nil
}

// isNumeric reports whether a placeholder always stands for a number.
func (c *Config) isNumeric(name string) bool {
	_, gsm := strconv.ParseUint(c.Encoding.GSM7, 10, 32)
	_, ucs := strconv.ParseUint(c.Encoding.UCS2, 10, 32)
	return name == "validity" || name == "digits" || (name == "encoding" && gsm == nil && ucs == nil)
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
