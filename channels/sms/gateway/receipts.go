package gateway

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// paramKey is the key in {callback}.
const paramKey = "key"

// receipts is a description of receipts, ready to be used.
type receipts struct {
	from                 string
	list                 pointer // nil where a call holds one report
	ref, id, state, code field
	states               map[string]channels.ReceiptState
	proves               func(channels.Callback) bool
	key                  sms.CallbackKey // of which {callback} carries a key, "" for none
}

// field is where something stands in a report: a pointer into JSON, or a name.
type field struct {
	name    string
	pointer pointer
}

// compileReceipts checks the description of receipts against that of the request.
func (c *Config) compileReceipts(req *request) (*receipts, error) {
	d := c.Receipts
	if d == nil {
		return nil, nil
	}
	r := &receipts{from: d.From}
	for _, step := range []func(*receipts) error{d.compileFields, d.compileStates, d.compileProof} {
		if err := step(r); err != nil {
			return nil, fmt.Errorf("receipts.%w", err)
		}
	}
	switch {
	case r.key != "" && !req.callback:
		return nil, errors.New("receipts.proof.key: the request has no {callback}, which would carry the key")
	case d.Ref != "" && !req.ref:
		return nil, errors.New("receipts.ref: the request has no {ref} to be given back")
	case d.Ref == "" && !req.callback && (d.ID == "" || c.Answer.ID == nil):
		return nil, errors.New("receipts: which message a report is about is not to be found: it takes {callback} in the request, or receipts.ref, or receipts.id with answer.id")
	}
	return r, nil
}

func (d *Receipts) compileFields(r *receipts) error {
	if d.From != "json" && d.From != "form" && d.From != "query" {
		return errors.New("from: want json, form or query")
	}
	if d.List != "" && d.From != "json" {
		return errors.New("list: only JSON has lists")
	}
	if d.State == "" {
		return errors.New("state: missing")
	}
	var err error
	if d.List != "" {
		if r.list, err = parsePointer(d.List); err != nil {
			return fmt.Errorf("list: %w", err)
		}
	}
	for key, f := range map[string]struct {
		name string
		into *field
	}{"ref": {d.Ref, &r.ref}, "id": {d.ID, &r.id}, "state": {d.State, &r.state}, "code": {d.Code, &r.code}} {
		f.into.name = f.name
		if d.From == "json" && f.name != "" {
			if f.into.pointer, err = parsePointer(f.name); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

func (d *Receipts) compileStates(r *receipts) error {
	var err error
	r.states, err = byKey(map[channels.ReceiptState][]string{
		channels.ReceiptAccepted: d.States.Accepted, channels.ReceiptDelivered: d.States.Delivered,
		channels.ReceiptRead: d.States.Read, channels.ReceiptFailed: d.States.Failed,
	}, "states")
	if err == nil && (len(d.States.Delivered) == 0 || len(d.States.Failed) == 0) {
		return errors.New("states: want the words for delivered and failed at least")
	}
	return err
}

// ParseCallback implements [channels.CallbackParser]. Reports with a word for what became of the message
// that the description doesn't have are left out, where the call holds others.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	if s.receipts == nil || !s.receipts.proves(c) {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "proof", Err: errors.New("the call doesn't prove that it is the gateway's")}
	}
	reports, err := s.receipts.reports(c)
	if err != nil {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: err}
	}
	var heard channels.Heard
	for _, report := range reports {
		receipt, problem := s.receipts.read(c.Ref, report)
		if problem != nil {
			err = problem
			continue
		}
		heard.Receipts = append(heard.Receipts, receipt)
	}
	if len(heard.Receipts) == 0 && err != nil {
		return channels.Heard{}, err
	}
	return heard, nil
}

// report looks up a field of one report.
type report func(field) string

// reports takes a call apart.
func (r *receipts) reports(c channels.Callback) ([]report, error) {
	switch r.from {
	case "query":
		return []report{named(c.URL.Query())}, nil
	case "form":
		form, err := url.ParseQuery(string(c.Body))
		if err != nil {
			return nil, errors.New("no form")
		}
		return []report{named(form)}, nil
	}
	document, err := parseJSON(c.Body)
	if err != nil {
		return nil, err
	}
	if r.list == nil {
		return []report{pointed(document)}, nil
	}
	value, _ := r.list.find(document)
	list, isList := value.([]any)
	if !isList {
		return nil, errors.New("no list where the description says")
	}
	var all []report
	for _, one := range list {
		all = append(all, pointed(one))
	}
	return all, nil
}

func named(form url.Values) report {
	return func(f field) string {
		if f.name == "" {
			return ""
		}
		return form.Get(f.name)
	}
}

func pointed(document any) report {
	return func(f field) string {
		if f.pointer == nil {
			return ""
		}
		return f.pointer.text(document)
	}
}

// read reads one report. A reference in the URL and one in the report must be the same: what was said of
// one attempt may not be brought to another's URL.
func (r *receipts) read(ref string, look report) (channels.Receipt, *channels.Error) {
	word := look(r.state)
	state, known := r.states[word]
	if !known {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "state", Err: errors.New("a state that the description doesn't have")}
	}
	out := channels.Receipt{Ref: ref, ProviderID: look(r.id), State: state, Code: word}
	if given := look(r.ref); given != "" && ref != "" && given != ref {
		return channels.Receipt{}, &channels.Error{Class: channels.Auth, Code: "ref", Err: errors.New("a report about another message than the URL's")}
	} else if ref == "" {
		out.Ref = given
	}
	if out.Ref == "" && out.ProviderID == "" {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "message", Err: errors.New("the report names no message")}
	}
	if code := look(r.code); code != "" && state == channels.ReceiptFailed {
		out.Code += " " + shown(code)
	}
	return out, nil
}
