package twilio

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/twilio"
)

const (
	// inquireAfter leaves time to a request that we have given up and Twilio has not, and to the list
	// of messages, of which Twilio doesn't say how soon a new one is in it.
	inquireAfter = 30 * time.Second
	// clockSkew is how much Twilio's clock and ours are thought to differ at most. Its times have no
	// fractions of a second.
	clockSkew = time.Minute
	// lateness is how long after our request a message may have been created that came of it.
	lateness = inquireAfter
	// pageSize and maxPages bound what is read of the messages to one number.
	pageSize = 100
	maxPages = 10
)

// Inquire fetches the message by its SID, or looks for it among the messages to its number ("Messages
// resource", fetch a Message resource; read multiple Message resources).
//
// Twilio's list doesn't say which StatusCallback a message was created with, so a message without a
// SID is known again by its number, the time of its creation, and its text. It is taken to be the one
// if it is the only one with that text in that time; a number that two recipients share may then
// stand for both, who were told the same, there. It is taken to be absent only if no message at all
// was created for the number in that time, but those of other attempts: with Smart Encoding, on a
// trial account, or where bodies are redacted, the text in the list is another one than was sent.
//
// The list is not filtered by DateSent, since what still waits in Twilio's queue has none.
func (s *sender) Inquire(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	if q.ProviderID == "" {
		return s.search(ctx, q)
	}
	m, err := s.account.Service(ctx).FetchMessage(q.ProviderID, nil)
	if err != nil {
		return channels.Receipt{}, notLearnt(err)
	}
	return receiptOf(q, m)
}

// notLearnt is why an answer tells nothing. Here 20404 is not the account's fault: the message was
// deleted, or its SID belongs to another account.
func notLearnt(err error) *channels.Error {
	e := twilio.AsError(err)
	if e.Code == "20404" || e.Code == "404" {
		e.Class = channels.Rejected
	}
	return e
}

// receiptOf says what a message's status means.
func receiptOf(q channels.Inquiry, m *api.ApiV2010Message) (channels.Receipt, error) {
	status := text(m.Status)
	state, known := twilio.StateOf(status)
	if !known || text(m.Sid) == "" {
		return channels.Receipt{}, twilio.Unreadable(errNoStatus)
	}
	r := channels.Receipt{Ref: q.Ref, ProviderID: *m.Sid, State: state, Code: status}
	if m.ErrorCode != nil && *m.ErrorCode != 0 {
		r.Code = strconv.Itoa(*m.ErrorCode)
	}
	return r, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

var (
	errNoStatus  = errors.New("the answer has no SID, or no status that is known")
	errAmbiguous = errors.New("several messages may be the one")
	errOtherText = errors.New("a message was sent to the number in that time, with another text")
	errNoList    = errors.New("the answer is no list of messages")
	errNoDate    = errors.New("a message in the list has no date of creation")
	errTooMany   = errors.New("the number has had more messages than are read")
)

// search looks for a message of which only is known what it was.
func (s *sender) search(ctx context.Context, q channels.Inquiry) (channels.Receipt, error) {
	candidates, err := s.candidates(ctx, q)
	if err != nil {
		return channels.Receipt{}, err
	}
	if len(candidates) == 0 {
		return channels.Receipt{Ref: q.Ref, State: channels.ReceiptAbsent, Code: "not_found"}, nil
	}
	same := slices.DeleteFunc(candidates, func(m api.ApiV2010Message) bool { return text(m.Body) != q.Text })
	switch len(same) {
	case 1:
		return receiptOf(q, &same[0])
	case 0:
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "other_text", Err: errOtherText}
	}
	return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: "ambiguous", Err: errAmbiguous}
}

// candidates lists the messages created for the number in the time in question, but those of other
// attempts.
func (s *sender) candidates(ctx context.Context, q channels.Inquiry) ([]api.ApiV2010Message, error) {
	after, before := q.SentAfter.Add(-clockSkew), q.SentBefore.Add(lateness+clockSkew)
	var found []api.ApiV2010Message
	var token, number string
	for range maxPages {
		size := pageSize
		page, err := s.account.Service(ctx).PageMessage(&api.ListMessageParams{To: &q.Address, PageSize: &size}, token, number)
		if err != nil {
			return nil, notLearnt(err)
		}
		if page.Messages == nil {
			return nil, twilio.Unreadable(errNoList)
		}
		for i := range page.Messages {
			m := &page.Messages[i]
			created, err := time.Parse(time.RFC1123Z, text(m.DateCreated))
			if err != nil {
				return nil, twilio.Unreadable(errNoDate)
			}
			if !created.Before(after) && !created.After(before) && isOurs(m, q) {
				found = append(found, *m)
			}
		}
		if page.NextPageUri == nil || sentBefore(page.Messages, after) {
			return found, nil
		}
		if number, token, err = nextPage(*page.NextPageUri); err != nil {
			return nil, twilio.Unreadable(err)
		}
	}
	return nil, &channels.Error{Class: channels.Rejected, Code: "too_many", Err: errTooMany}
}

// isOurs reports whether a message may be that of the attempt: it went out, and is none of another's.
func isOurs(m *api.ApiV2010Message, q channels.Inquiry) bool {
	return strings.HasPrefix(text(m.Direction), "outbound") && !slices.Contains(q.Others, text(m.Sid))
}

// nextPage reads number and token of the next page.
func nextPage(uri string) (number, token string, err error) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", "", errNoList
	}
	return u.Query().Get("Page"), u.Query().Get("PageToken"), nil
}

// sentBefore reports whether the last of the messages was sent before the time given, and so all on
// later pages: the list is sorted by DateSent, the newest first. One that still waits is not in
// question: it is among the newest.
func sentBefore(all []api.ApiV2010Message, t time.Time) bool {
	if len(all) == 0 {
		return true
	}
	sent, err := time.Parse(time.RFC1123Z, text(all[len(all)-1].DateSent))
	return err == nil && sent.Before(t)
}
