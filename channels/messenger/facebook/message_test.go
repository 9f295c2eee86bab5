package facebook

import (
	"fmt"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func answerOf(status int, body string) channels.Answer {
	return channels.Answer{Status: status, Body: []byte(body)}
}

// TestErrorCodes holds codes and subcodes of Meta's page "Common Error Codes", and the Graph API's, to
// their classes.
func TestErrorCodes(t *testing.T) {
	for _, c := range []struct {
		status, code, subcode int
		class                 channels.Class
	}{
		{400, 551, 1545041, channels.InvalidAddress},
		{400, 551, 0, channels.InvalidAddress},
		{400, 200, 1545041, channels.InvalidAddress},
		{400, 10, 2018108, channels.InvalidAddress},
		{400, 100, 2018001, channels.InvalidAddress},
		{400, 10, 2018065, channels.Rejected},
		{400, 10, 2018278, channels.Rejected},
		{400, 100, 1893061, channels.Rejected},
		{400, 100, 0, channels.Rejected},
		{400, 100, 2018109, channels.Rejected},
		{403, 10, 0, channels.Auth},
		{403, 10, 1893063, channels.Auth}, // the Page is restricted
		{403, 200, 2018028, channels.Auth},
		{403, 230, 0, channels.Auth},
		{401, 190, 463, channels.Auth},
		{403, 368, 0, channels.Auth},
		{400, 4, 2018022, channels.RateLimited},
		{400, 32, 0, channels.RateLimited},
		{400, 613, 0, channels.RateLimited},
		{400, 80006, 0, channels.RateLimited},
		{400, 1200, 0, channels.Unavailable},
		{503, 2, 0, channels.Unavailable},
		{500, 2, 0, channels.Unknown},
		{500, 1, 99, channels.Unknown},
	} {
		_, err := readAck(answerOf(c.status, fmt.Sprintf(`{"error":{"code":%d,"error_subcode":%d,"message":"to 253817"}}`, c.code, c.subcode)))
		want := fmt.Sprint(c.code)
		if c.subcode != 0 {
			want += fmt.Sprint("/", c.subcode)
		}
		if e := channels.AsError(err); e.Class != c.class || e.Code != want {
			t.Errorf("%s: %v, want class %v", want, err, c.class)
		}
	}
	for name, a := range map[string]channels.Answer{
		"no JSON": answerOf(200, `<html>`), "no id": answerOf(200, `{"recipient_id":"1"}`), "bad gateway": answerOf(502, `{"message_id":"m_1"}`),
	} {
		if _, err := readAck(a); err == nil || channels.AsError(err).Class != channels.Unknown {
			t.Errorf("%s: error %v, want class unknown", name, err)
		}
	}
}
