package kannel

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sms"
)

// The parameters of our dlr-url.
const (
	paramType   = "type"
	paramAnswer = "answer"
	paramID     = "id"
	paramKey    = "key"
)

// dlrURL is the callback with Kannel's escape codes in it (table 7-10): %d is the type of the report,
// %A the message centre's own words, %F its id. A percent sign of the callback's is doubled, since
// Kannel reads it as the beginning of a code.
func (s *sender) dlrURL(m channels.Message) string {
	u := strings.ReplaceAll(m.Callback, "%", "%%") + "?" + paramType + "=%d&" + paramAnswer + "=%A&" + paramID + "=%F"
	if s.config.CallbackSecret != "" {
		u += "&" + paramKey + "=" + sms.CallbackKey(s.config.CallbackSecret).Of(m.Ref)
	}
	return u
}

// ParseCallback implements [channels.CallbackParser]. A call at an attempt's URL holds one report, in its
// URL; one at the URL of none is what a customer wrote.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	if c.Ref == "" {
		return s.inbound(c)
	}
	query := c.URL.Query()
	if err := s.proved(c.Ref, query.Get(paramKey)); err != nil {
		return channels.Heard{}, err
	}
	r, err := parseReport(c.Ref, query)
	if err != nil {
		return channels.Heard{}, err
	}
	return channels.Heard{Receipts: []channels.Receipt{r}}, nil
}

// proved reports what is wrong with a call. Whether the reference's own MAC is right is checked by
// whoever made it.
func (s *sender) proved(ref, key string) error {
	secret := s.config.CallbackSecret
	if secret != "" && !sms.CallbackKey(secret).Proves(ref, key) {
		return &channels.Error{Class: channels.Auth, Code: "key", Err: errors.New("not at an URL that Kannel was given")}
	}
	return nil
}

// The types of report (chapter 10).
const (
	delivered = 1
	failed    = 2
	buffered  = 4
	submitted = 8
	rejected  = 16
)

// stateOf says what a type of report means.
func stateOf(kind int) (state channels.ReceiptState, name string) {
	switch kind {
	case delivered:
		return channels.ReceiptDelivered, "delivered"
	case failed:
		return channels.ReceiptFailed, "failed"
	case buffered:
		return channels.ReceiptAccepted, "buffered"
	case submitted:
		return channels.ReceiptAccepted, "submitted"
	case rejected:
		return channels.ReceiptFailed, "rejected"
	}
	return "", ""
}

// maxID bounds the message centre's id.
const maxID = 128

func parseReport(ref string, query url.Values) (channels.Receipt, error) {
	kind, err := strconv.Atoi(query.Get(paramType))
	state, name := stateOf(kind)
	if err != nil || state == "" {
		return channels.Receipt{}, &channels.Error{Class: channels.Rejected, Code: paramType, Err: errors.New("no report of a type that is known")}
	}
	r := channels.Receipt{Ref: ref, State: state, Code: name}
	if id := query.Get(paramID); len(id) <= maxID {
		r.ProviderID = id
	}
	if state == channels.ReceiptFailed {
		r.Code += detail(query.Get(paramAnswer))
	}
	return r, nil
}

// The two things that an answer says of a failure. The rest of it is left out: in an SMPP receipt
// (SMPP 3.4, appendix B) that is the beginning of the message's text.
var (
	receiptStat = regexp.MustCompile(`\bstat:([A-Z]{1,10})\b`)
	receiptErr  = regexp.MustCompile(`\berr:([0-9A-Fa-f]{1,6})\b`)
	nackStatus  = regexp.MustCompile(`^NACK/(0x[0-9A-Fa-f]{1,8}|[0-9]{1,6})\b`)
)

// detail is the message centre's code for a failure, with a blank before it: " UNDELIV 001" of an SMPP
// receipt, " 0x0000000b" of an SMPP submission that was refused; "" where it gives none.
func detail(answer string) string {
	code := ""
	for _, pattern := range []*regexp.Regexp{nackStatus, receiptStat, receiptErr} {
		if found := pattern.FindStringSubmatch(answer); found != nil {
			code += " " + found[1]
		}
	}
	return code
}
