package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

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
