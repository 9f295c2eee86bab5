package gateway

import (
	"errors"
	"fmt"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// paramKey is the key in {callback}.
const paramKey = "key"

// receipts is a description of receipts, ready to be used.
type receipts struct {
	layout
	ref, id, state, code field
	states               map[string]channels.ReceiptState
	proves               func(channels.Callback) bool
	key                  sms.CallbackKey // of which {callback} carries a key, "" for none
}

// compileReceipts checks the description of receipts against that of the request.
func (c *Config) compileReceipts(req *request) (*receipts, error) {
	d := c.Receipts
	if d == nil {
		return nil, nil
	}
	r := &receipts{}
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
	var err error
	if r.layout, err = compileLayout(d.From, d.List); err != nil {
		return err
	}
	if d.State == "" {
		return errors.New("state: missing")
	}
	return r.fields(map[string]named{"ref": {d.Ref, &r.ref}, "id": {d.ID, &r.id}, "state": {d.State, &r.state}, "code": {d.Code, &r.code}})
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

// parse reads the reports in a call.
func (r *receipts) parse(c channels.Callback) (channels.Heard, error) {
	reports, err := r.items(c)
	if err != nil {
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: err}
	}
	return r.hear(c.Ref, reports)
}

// hear reads reports. Those with a word for what became of the message that the
// description doesn't have are left out, where the call holds others.
func (r *receipts) hear(ref string, reports []item) (channels.Heard, error) {
	var heard channels.Heard
	var err error
	for _, report := range reports {
		receipt, problem := r.read(ref, report)
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

// read reads one report. A reference in the URL and one in the report must be the same: what was said of
// one attempt may not be brought to another's URL.
func (r *receipts) read(ref string, look item) (channels.Receipt, *channels.Error) {
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
