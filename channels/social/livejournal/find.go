package livejournal

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/social"
)

const (
	// lastEntries is how many of a journal's entries are looked through; the site gives no more.
	lastEntries = 50
	// margin is how much the order of entries may differ from that of their sending.
	margin = time.Hour
)

// Inquire implements [channels.Inquirer]: by the entry's number, or by its text among the journal's last
// entries.
func (s *sender) Inquire(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	address, number, numbered := strings.Cut(q.ProviderID, "/")
	if !numbered {
		address = q.Address
	}
	j, err := s.journals.Of(address)
	if err != nil {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "no_such_account", Err: err}
	}
	r := channels.Receipt{Ref: q.Ref, ProviderID: q.ProviderID, State: channels.ReceiptDelivered}
	if numbered {
		err = s.inquireByNumber(ctx, j, number)
	} else {
		r.ProviderID, err = s.find(ctx, j, q)
	}
	if err != nil {
		return channels.Receipt{}, err
	}
	if r.ProviderID == "" {
		r.State = channels.ReceiptAbsent
	}
	return r, nil
}

// inquireByNumber returns nil if the journal has the entry.
func (s *sender) inquireByNumber(ctx context.Context, j journal, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return &channels.Error{Class: channels.Rejected, Code: "no_entry", Err: errors.New("not the number of an entry")}
	}
	entries, err := s.entries(ctx, j, member{"selecttype", "one"}, member{"itemid", n})
	if err == nil && len(entries) != 1 {
		err = &channels.Error{Class: channels.Rejected, Code: "not_found"}
	}
	return err
}

// find returns the id of the entry that an inquiry is about, "" if the journal doesn't have it.
func (s *sender) find(ctx context.Context, j journal, q channels.Inquiry) (string, error) {
	entries, err := s.entries(ctx, j, member{"selecttype", "lastn"}, member{"howmany", lastEntries})
	if err != nil {
		return "", err
	}
	text := markup(q.Text)
	complete := len(entries) < lastEntries
	for _, e := range entries {
		id := j.name + "/" + e.member("itemid").text()
		if social.SameText(e.member("event").text(), text) && !slices.Contains(q.Others, id) {
			return id, nil
		}
		at, err := time.ParseInLocation(time.DateTime, e.member("eventtime").text(), s.zone)
		complete = complete || err == nil && at.Before(q.SentAfter.Add(-margin))
	}
	if !complete {
		return "", &channels.Error{Class: channels.Rejected, Code: "too_many_entries", Err: errors.New("not all entries could be read")}
	}
	return "", nil
}

func (s *sender) entries(ctx context.Context, j journal, which ...member) ([]value, error) {
	answer, err := s.callAs(ctx, j, "getevents", append(which, member{"lineendings", "unix"}, member{"noprops", 1})...)
	if err != nil {
		return nil, err
	}
	events := answer.member("events")
	if events.Items == nil && len(answer.Members) == 0 {
		return nil, &channels.Error{Class: channels.Unknown, Code: "no_events"}
	}
	return events.items(), nil
}
