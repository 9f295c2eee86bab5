package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/channels"
)

// replies is a description of what customers write, ready to be used.
type replies struct {
	layout
	address, text field
	plus          bool
	proves        func(channels.Callback) bool
}

// compileReplies checks the description of replies.
func (c *Config) compileReplies() (*replies, error) {
	d := c.Replies
	if d == nil {
		return nil, nil
	}
	r := &replies{plus: d.WithoutPlus}
	var err error
	if r.layout, err = compileLayout(d.From, d.List); err != nil {
		return nil, fmt.Errorf("replies.%w", err)
	}
	if d.Address == "" || d.Text == "" {
		return nil, errors.New("replies: want address and text: who writes, and what")
	}
	if err := r.fields(map[string]named{"address": {d.Address, &r.address}, "text": {d.Text, &r.text}}); err != nil {
		return nil, fmt.Errorf("replies.%w", err)
	}
	if r.proves, err = d.Proof.compile(); err != nil {
		return nil, fmt.Errorf("replies.proof%w", err)
	}
	return r, nil
}

// ParseCallback implements [channels.CallbackParser]. A call to an attempt's URL brings receipts; one to the
// URL of none brings replies if it has an address where those have theirs and no state where receipts do,
// else receipts.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	receipts, replies := s.receipts != nil && s.receipts.proves(c), s.replies != nil && c.Ref == "" && s.replies.proves(c)
	if !receipts && !replies {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "proof", Err: errors.New("the call doesn't prove that it is the gateway's")}
	}
	reports, err := s.reports(c)
	if replies {
		items, _ := s.replies.items(c)
		if written := s.replies.written(items); len(written) > 0 && !s.anyState(reports) {
			return channels.Heard{Inbound: written}, nil
		}
	}
	switch {
	case !receipts:
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: errors.New("no number that wrote anything where the description says")}
	case err != nil:
		return channels.Heard{}, &channels.Error{Class: channels.Rejected, Code: "body", Err: err}
	}
	return s.receipts.hear(c.Ref, reports)
}

// reports are a call's items as receipts have them.
func (s *sender) reports(c channels.Callback) ([]item, error) {
	if s.receipts == nil {
		return nil, nil
	}
	return s.receipts.items(c)
}

// anyState reports whether one of the items says what became of a message.
func (s *sender) anyState(reports []item) bool {
	return slices.ContainsFunc(reports, func(look item) bool { return look(s.receipts.state) != "" })
}

// written is what numbers wrote; what has no number that could be answered is left out.
func (r *replies) written(items []item) []channels.Inbound {
	var all []channels.Inbound
	for _, look := range items {
		address := look(r.address)
		if !isNumber(address) {
			continue
		}
		if r.plus && address[0] != '+' {
			address = "+" + address
		}
		all = append(all, channels.Inbound{Address: address, Text: look(r.text)})
	}
	return all
}
