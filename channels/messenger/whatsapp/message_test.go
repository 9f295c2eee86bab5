package whatsapp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func answerOf(status int, body string) channels.Answer {
	return channels.Answer{Status: status, Body: []byte(body)}
}

// TestErrorCodes holds the codes of Meta's page "Error codes", with the status that it gives for each,
// to their classes.
func TestErrorCodes(t *testing.T) {
	for class, statuses := range map[channels.Class]map[int][]int{
		channels.InvalidAddress: {400: {131021, 131026, 131030}, 403: {130497}},
		channels.Rejected: {
			400: {100, 130472, 131008, 131009, 131047, 131049, 131050, 131051, 131052, 131053, 132000, 132005, 132007, 132012, 132015, 132016, 132018, 132068, 132069, 134011, 135000},
			404: {132001},
		},
		channels.Auth: {
			401: {0, 190}, 500: {3, 131045}, 403: {10, 200, 299, 368, 131005, 131031},
			400: {33, 131037, 131042, 131048, 133005, 133006, 133010},
		},
		channels.RateLimited: {400: {4, 80007, 130429, 131056, 133016}},
		channels.Unavailable: {503: {2, 133004}, 500: {131016, 131057}},
		channels.Unknown:     {500: {1, 131000}},
	} {
		for status, codes := range statuses {
			for _, code := range codes {
				body := fmt.Sprintf(`{"error":{"message":"for 16505551234","type":"OAuthException","code":%d,"error_data":{"details":"16505551234"}}}`, code)
				_, err := readAck(answerOf(status, body))
				e := channels.AsError(err)
				if e.Class != class || e.Code != fmt.Sprint(code) {
					t.Errorf("code %d: %v, want class %v", code, err, class)
				}
				if strings.Contains(e.Error(), "16505551234") {
					t.Errorf("%q quotes the message", e)
				}
			}
		}
	}
}

func TestOtherAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer channels.Answer
		class  channels.Class
	}{
		"no JSON":            {answerOf(200, `<html>`), channels.Unknown},
		"no message":         {answerOf(200, `{"messages":[]}`), channels.Unknown},
		"no id":              {answerOf(200, `{"messages":[{}]}`), channels.Unknown},
		"a code we know not": {answerOf(400, `{"error":{"code":199999}}`), channels.Rejected},
		"an unknown error":   {answerOf(400, `{"error":{"code":1}}`), channels.Unknown},
		"proxy's 403":        {answerOf(403, `no`), channels.Auth},
		"proxy's 429":        {answerOf(429, ``), channels.RateLimited},
		"bad gateway":        {answerOf(502, `{"messages":[{"id":"x"}]}`), channels.Unknown},
		"out of order":       {answerOf(503, ``), channels.Unavailable},
	} {
		if _, err := readAck(c.answer); err == nil || channels.AsError(err).Class != c.class {
			t.Errorf("%s: error %v, want class %v", name, err, c.class)
		}
	}
}

func FuzzReadAck(f *testing.F) {
	f.Add(200, []byte(`{"messages":[{"id":"wamid.1","message_status":"accepted"}]}`))
	f.Add(400, []byte(`{"error":{"code":131026,"error_subcode":2494010}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ack, err := readAck(answerOf(status, string(body)))
		if err != nil {
			if e, ok := err.(*channels.Error); !ok || e.Code == "" || e.Class > channels.Unavailable {
				t.Errorf("error %#v", err)
			}
			return
		}
		if ack.ID == "" || ack.Proof != channels.Accepted || status != 200 {
			t.Errorf("Ack = %+v for status %d", ack, status)
		}
	})
}
