package viber

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func answerOf(status int, body string) channels.Answer {
	return channels.Answer{Status: status, Body: []byte(body)}
}

// TestStatuses holds every error code of https://developers.viber.com/docs/api/rest-bot-api/#error-codes
// to its class.
func TestStatuses(t *testing.T) {
	classes := map[channels.Class][]int{
		channels.InvalidAddress: {5, 6, 11, 21},
		channels.Rejected:       {1, 3, 4, 13, 14, 16, 17, 18, 19, 20, 22},
		channels.Auth:           {2, 7, 8, 9, 10, 15, 23, 24},
		channels.RateLimited:    {12},
		channels.Unknown:        {-1, 25, 1000},
	}
	seen := 0
	for class, statuses := range classes {
		for _, status := range statuses {
			seen++
			_, err := readAck(answerOf(200, fmt.Sprintf(`{"status":%d,"status_message":"for 01234567890A="}`, status)), "u")
			e := channels.AsError(err)
			if e.Class != class || !strings.HasPrefix(e.Code, strconv.Itoa(status)) {
				t.Errorf("status %d: %v, want class %v", status, err, class)
			}
			if strings.Contains(e.Error(), "01234567890A=") {
				t.Errorf("%q quotes the message", e)
			}
		}
	}
	if want := len(statuses) - 1 + 3; seen != want {
		t.Errorf("%d statuses tested, want %d", seen, want)
	}
}

func TestOtherAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer channels.Answer
		class  channels.Class
	}{
		"no JSON":          {answerOf(200, `<html>`), channels.Unknown},
		"no status":        {answerOf(200, `{"message_token":1}`), channels.Unknown},
		"no token":         {answerOf(200, `{"status":0}`), channels.Unknown},
		"token as a float": {answerOf(200, `{"status":0,"message_token":5.741311803571721e18}`), channels.Unknown},
		"token too large":  {answerOf(200, `{"status":0,"message_token":18446744073709551616}`), channels.Unknown},
		"not allowed":      {answerOf(403, `no`), channels.Auth},
		"too fast":         {answerOf(429, ``), channels.RateLimited},
		"broken":           {answerOf(500, `{"status":0,"message_token":1}`), channels.Unknown},
		"out of order":     {answerOf(503, ``), channels.Unavailable},
	} {
		if _, err := readAck(c.answer, "u"); err == nil || channels.AsError(err).Class != c.class {
			t.Errorf("%s: error %v, want class %v", name, err, c.class)
		}
	}
}

func TestTokensAreExact(t *testing.T) {
	for _, token := range []string{"1", "9007199254740993", "5741311803571721087", "18446744073709551615"} {
		ack, err := readAck(answerOf(200, `{"status":0,"message_token":`+token+`}`), "u")
		if err != nil || !strings.HasPrefix(ack.ID, token+".") {
			t.Errorf("Ack.ID = %q, error %v; want %s", ack.ID, err, token)
		}
	}
}

func FuzzReadAck(f *testing.F) {
	f.Add(200, []byte(`{"status":0,"status_message":"ok","message_token":5741311803571721087}`))
	f.Add(200, []byte(`{"status":6,"status_message":"notSubscribed"}`))
	f.Add(503, []byte(``))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		ack, err := readAck(answerOf(status, string(body)), "u")
		if err != nil {
			if e, ok := err.(*channels.Error); !ok || e.Code == "" || e.Class > channels.Unavailable {
				t.Errorf("error %#v", err)
			}
			return
		}
		token, _, _ := strings.Cut(ack.ID, ".")
		if _, err := strconv.ParseUint(token, 10, 64); err != nil || ack.Proof != channels.Accepted {
			t.Errorf("Ack = %+v", ack)
		}
	})
}
