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
// URL of none may bring replies, too: what has an address where those have theirs and no state where receipts
// do. What is neither is left out, where the call holds others.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	receipts, replies := s.receipts != nil && s.receipts.proves(c), s.replies != nil && c.Ref == "" && s.replies.proves(c)
	if !receipts && !replies {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "proof", Err: errors.New("the call doesn't prove that it is the gateway's")}
	}
	var written []channels.Inbound
	if replies {
		items, _ := s.replies.items(c)
		written = s.replies.written(slices.DeleteFunc(items, s.reports(c)))
	}
	var heard channels.Heard
	err := error(&channels.Error{Class: channels.Rejected, Code: "body", Err: errors.New("no number that wrote anything where the description says")})
	if receipts {
		heard, err = s.receipts.parse(c)
	}
	if len(written) > 0 {
		heard.Inbound, err = written, nil
	}
	return heard, err
}

// reports returns what tells items of replies that are receipts: by a state of their own, or where replies
// and receipts have not the same layout, by one anywhere in the call.
func (s *sender) reports(c channels.Callback) func(item) bool {
	if s.receipts == nil {
		return func(item) bool { return false }
	}
	stated := func(look item) bool { return look(s.receipts.state) != "" }
	if s.receipts.from == s.replies.from && (s.receipts.list == nil) == (s.replies.list == nil) {
		return stated
	}
	items, _ := s.receipts.items(c)
	some := slices.ContainsFunc(items, stated)
	return func(item) bool { return some }
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
