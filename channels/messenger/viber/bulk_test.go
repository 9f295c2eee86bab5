package viber

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

var three = []string{"01234567890A=", "01234567891A=", "01234567892A="}

// TestBroadcast has the answer of https://developers.viber.com/docs/api/rest-bot-api/#broadcast-message: one token
// for all, and a list of those who got nothing.
func TestBroadcast(t *testing.T) {
	s := newTestSender(t, golden(t, "/pa/broadcast_message", "broadcast.json",
		`{"message_token":40808912438712,"status":0,"status_message":"ok","failed_list":[{"receiver":"01234567891A=","status":6,"status_message":"Not subscribed"}]}`))
	got, err := s.SendBulk(context.Background(), channels.Message{Text: "Cards <down> & \"out\"\nПлата 🔔"}, three)
	if err != nil {
		t.Fatal(err)
	}
	want := []channels.BulkResult{
		{Ack: channels.Ack{ID: messageID(40808912438712, three[0]), Proof: channels.Accepted}},
		{Err: &channels.Error{Class: channels.InvalidAddress, Code: "6 receiverNotSubscribed"}},
		{Ack: channels.Ack{ID: messageID(40808912438712, three[2]), Proof: channels.Accepted}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if got[0].Ack.ID == got[2].Ack.ID || strings.Contains(got[0].Ack.ID, three[0]) {
		t.Errorf("ids %q and %q: want different ones that name nobody", got[0].Ack.ID, got[2].Ack.ID)
	}
}

// TestBroadcastAnswers: what can't be understood leaves everybody in doubt, and what is refused can be tried singly.
func TestBroadcastAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  channels.Class
	}{
		"may not broadcast":           {200, `{"status":19,"status_message":"cannotSendBroadcast"}`, channels.Rejected},
		"not allowed":                 {200, `{"status":20,"status_message":"broadcastNotAllowed"}`, channels.Rejected},
		"too fast":                    {200, `{"status":12,"status_message":"tooManyRequests"}`, channels.RateLimited},
		"another token":               {200, `{"status":2,"status_message":"invalidAuthToken"}`, channels.Auth},
		"somebody else failed":        {200, `{"status":0,"message_token":1,"failed_list":[{"receiver":"x","status":6}]}`, channels.Unknown},
		"a list of something else":    {200, `{"status":0,"message_token":1,"failed_list":[7]}`, channels.Unknown},
		"sent without a token":        {200, `{"status":0}`, channels.Unknown},
		"a page":                      {200, `<html>`, channels.Unknown},
		"broken":                      {500, ``, channels.Unknown},
		"out of order":                {503, ``, channels.Unavailable},
		"another status than ours is": {200, `{"status":77}`, channels.Unknown},
	} {
		if _, err := readBulk(answerOf(c.status, c.body), three); err == nil || channels.AsError(err).Class != c.class {
			t.Errorf("%s: error %v, want class %v", name, err, c.class)
		}
	}
	all := `{"status":0,"failed_list":[{"receiver":"01234567890A=","status":6},{"receiver":"01234567891A=","status":5},{"receiver":"01234567892A=","status":99}]}`
	results, err := readBulk(answerOf(200, all), three)
	if err != nil || results[0].Err.Class != channels.InvalidAddress || results[2].Err.Class != channels.Unknown {
		t.Errorf("nobody got it: %+v, %v", results, err)
	}
}

// TestBroadcastSubstitutes: words that Viber would replace, in broadcasts only, go to each as they are.
func TestBroadcastSubstitutes(t *testing.T) {
	for _, text := range []string{"Dear replace_me_with_user_name", strings.Repeat("a", maxText+1)} {
		_, err := (&sender{}).SendBulk(context.Background(), channels.Message{Text: text}, three)
		if err == nil || channels.AsError(err).Class != channels.Rejected {
			t.Errorf("error %v, want class rejected, and no call", err)
		}
	}
}

func FuzzReadBulk(f *testing.F) {
	f.Add(200, []byte(`{"status":0,"message_token":1,"failed_list":[{"receiver":"01234567891A=","status":6}]}`))
	f.Add(200, []byte(`{"status":0,"message_token":1,"failed_list":{}}`))
	f.Add(503, []byte(``))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		results, err := readBulk(answerOf(status, string(body)), three)
		if err != nil {
			return
		}
		for i, r := range results {
			if len(results) != 3 || (r.Err == nil) != (r.Ack.ID != "") || r.Err == nil && r.Ack.Proof != channels.Accepted {
				t.Errorf("%d: %+v", i, r)
			}
		}
	})
}
