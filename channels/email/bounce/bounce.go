// Package bounce reads the mail that comes back: what relays and mail services report of messages that
// they had taken.
//
// # What is read
//
//   - delivery status notifications (RFC 3464), with the status codes of RFC 3463
//   - bounces in no standard form, known by where they were sent: to an address that names an attempt
//   - feedback reports (RFC 5965): a recipient told their mail service that a message is spam
//
// Automatic answers (RFC 3834: out of office, vacation) and people's own say nothing of a delivery. All
// reports are made for us to read: nothing is ever answered.
//
// # Whose message it was
//
// An envelope sender that names the attempt (VERP) leads a report back, whatever is in it: see
// [Addresses]. Where a service reports to another address, the attempt is found in the envelope id
// (RFC 3461) or in the Message-ID of the message that is quoted. Anybody can send mail here; what
// keeps them from making up reports is that a reference carries a MAC, which the core verifies.
//
// # How it comes in
//
// By a maildir, an IMAP mailbox, or SMTP or LMTP: see [Config]. A message is acknowledged, or put away,
// only when what it says is stored. What comes twice does no harm.
package bounce

import (
	"github.com/tocsin-dev/tocsin/channels"
)

// Mail is a message that came in.
type Mail struct {
	// From is the envelope's sender, "" for the null sender, from which reports come.
	From string
	// To are the envelope's recipients, as far as they are known.
	To []string
	// Message is the header and the body.
	Message []byte
}

// What says what a message is.
type What uint8

// What messages are.
const (
	// Unrelated says nothing of a message of ours: a person's answer, spam.
	Unrelated What = iota
	// AutoReply is an automatic answer, to which nothing follows.
	AutoReply
	// Complaint is a recipient's word to their mail service that they don't want our mail.
	Complaint
	// Delayed: it was not delivered yet, and is still tried.
	Delayed
	// Relayed: it went on to somewhere that will not report its delivery.
	Relayed
	// Delivered: it is in the mailbox.
	Delivered
	// Failed: it was not delivered, and is not tried any more.
	Failed
)

var whatNames = [...]string{"unrelated", "auto-reply", "complaint", "delayed", "relayed", "delivered", "failed"}

func (w What) String() string { return whatNames[w] }

// Report is what a message says.
type Report struct {
	What What
	// Ref names the attempt, not yet verified; "" if none was found.
	Ref string
	// Code is the enhanced status code, or the reply's where there is none of that kind; "" where the
	// report has neither.
	Code string
	// Dead says of a failure that the mailbox can't be reached, now or later.
	Dead bool
	// Address is the mailbox of who complained, "" where the report keeps that to itself.
	Address string
}

// Read reads a message. It takes any bytes.
func (a Addresses) Read(m Mail) Report {
	e := parseEntity(m.Message)
	all := e.leaves()
	r := judge(m.From, e, all)
	if r.What != Unrelated && r.What != AutoReply {
		r.Ref = a.find(m, e, all)
	}
	return r
}

// judge says what a message is. A report in standard form is one whatever else is said of it: many carry
// "Auto-Submitted: auto-replied", as RFC 3834 would have it.
func judge(from string, e entity, all []entity) Report {
	for _, p := range all {
		switch p.kind {
		case "message/delivery-status", "message/global-delivery-status":
			if r, ok := readStatus(p.decoded()); ok {
				return r
			}
		case "message/feedback-report":
			return readFeedback(p.decoded(), all)
		}
	}
	switch {
	case e.header.has("X-Failed-Recipients"): // Exim's, which says auto-replied too
		return readProse(e, all)
	case isAutoReply(e.header):
		return Report{What: AutoReply}
	case isNotice(from, e.header):
		return readProse(e, all)
	}
	return Report{}
}

// Heard is what a report means for the attempt.
func (r Report) Heard() channels.Heard {
	receipt := channels.Receipt{Ref: r.Ref, Code: r.Code}
	switch r.What {
	case Failed:
		receipt.State, receipt.Dead = channels.ReceiptFailed, r.Dead
	case Delivered:
		receipt.State = channels.ReceiptDelivered
	case Delayed, Relayed: // neither is the end of it
		receipt.State = channels.ReceiptAccepted
	case Complaint:
		if r.Ref == "" {
			return channels.Heard{} // anybody could have anybody else unsubscribed
		}
		return channels.Heard{Inbound: []channels.Inbound{{Ref: r.Ref, Address: r.Address, Wish: channels.OptOut}}}
	case Unrelated, AutoReply:
		return channels.Heard{}
	}
	return channels.Heard{Receipts: []channels.Receipt{receipt}}
}

// add adds what a report means to what was heard before.
func add(heard channels.Heard, r Report) channels.Heard {
	more := r.Heard()
	heard.Receipts = append(heard.Receipts, more.Receipts...)
	heard.Inbound = append(heard.Inbound, more.Inbound...)
	return heard
}
