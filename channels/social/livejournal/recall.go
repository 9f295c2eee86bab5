package livejournal

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// Recall implements [channels.Recaller]: an entry that is edited to have no text is deleted, whatever its age
// (https://www.livejournal.com/doc/server/ljp.csp.xml-rpc.editevent.html). What the site answers where it
// doesn't do it is only said by its code (editevent in cgi-bin/ljprotocol.pl).
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	j, err := s.journals.Of(m.Address)
	if err != nil {
		return err
	}
	name, number, _ := strings.Cut(m.ProviderID, "/")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || name != j.name || !numberForm.MatchString(number) {
		return &channels.Error{Class: channels.Rejected, Code: "no_entry", Err: errors.New("not the number of an entry of this journal")}
	}
	if err := s.checkCommunity(ctx, j, n); err != nil {
		return recalled(err)
	}
	answer, err := s.callAs(ctx, j, "editevent", member{"itemid", n}, member{"event", ""}, member{"lineendings", "unix"})
	if err != nil {
		return recalled(err)
	}
	if answer.member("itemid").text() != number {
		return &channels.Error{Class: channels.Unknown, Code: "no_itemid"}
	}
	return nil
}

// checkCommunity returns an error if there is no such community any more. The site's code looks for a
// deletion in the poster's own journal then, where the number is another entry's. Reading looks there never.
func (s *sender) checkCommunity(ctx context.Context, j journal, n int) error {
	if j.username == j.name {
		return nil
	}
	_, err := s.entries(ctx, j, member{"selecttype", "one"}, member{"itemid", n})
	return err
}

const (
	noSuchJournal   = faultCode(206)
	noAccess        = faultCode(300)
	noSuchEntry     = faultCode(302)
	journalIsClosed = faultCode(307)
	madePrivate     = faultCode(321)
)

// recalled says what a failure means for an entry that is to be deleted. Where the site doesn't let entries be
// deleted it hides them from everybody but their author, which is what a recall is for.
func recalled(err error) error {
	code, _ := errors.AsType[faultCode](err)
	switch code {
	case noSuchEntry, madePrivate:
		return nil
	case noSuchJournal, noAccess, journalIsClosed:
		e := *channels.AsError(err)
		e.Class = channels.InvalidAddress
		return &e
	}
	return err
}
