package gateway

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/tocsin-dev/tocsin/channels"
)

// layout is where a call to our webhook has what it says: one item, or a list of them.
type layout struct {
	from string  // json, form, query
	list pointer // nil where a call holds one item
}

// field is where something stands in an item: a pointer into JSON, or a name.
type field struct {
	name    string
	pointer pointer
}

// item looks up a field of one item; "" where it isn't there.
type item func(field) string

// named is a field's name in the description, and where it goes.
type named struct {
	name string
	into *field
}

func compileLayout(from, list string) (layout, error) {
	l := layout{from: from}
	if from != "json" && from != "form" && from != "query" {
		return l, errors.New("from: want json, form or query")
	}
	if list == "" {
		return l, nil
	}
	if from != "json" {
		return l, errors.New("list: only JSON has lists")
	}
	var err error
	if l.list, err = parsePointer(list); err != nil {
		return l, fmt.Errorf("list: %w", err)
	}
	return l, nil
}

// fields compiles fields, by their keys in the description.
func (l layout) fields(all map[string]named) error {
	for key, f := range all {
		f.into.name = f.name
		if l.from != "json" || f.name == "" {
			continue
		}
		var err error
		if f.into.pointer, err = parsePointer(f.name); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// items takes a call apart.
func (l layout) items(c channels.Callback) ([]item, error) {
	switch l.from {
	case "query":
		return []item{fromForm(c.URL.Query())}, nil
	case "form":
		form, err := url.ParseQuery(string(c.Body))
		if err != nil {
			return nil, errors.New("no form")
		}
		return []item{fromForm(form)}, nil
	}
	document, err := parseJSON(c.Body)
	if err != nil {
		return nil, err
	}
	if l.list == nil {
		return []item{fromJSON(document)}, nil
	}
	value, _ := l.list.find(document)
	list, isList := value.([]any)
	if !isList {
		return nil, errors.New("no list where the description says")
	}
	var all []item
	for _, one := range list {
		all = append(all, fromJSON(one))
	}
	return all, nil
}

func fromForm(form url.Values) item {
	return func(f field) string {
		if f.name == "" {
			return ""
		}
		return form.Get(f.name)
	}
}

func fromJSON(document any) item {
	return func(f field) string {
		if f.pointer == nil {
			return ""
		}
		return f.pointer.text(document)
	}
}
