package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// documentedBroadcast is the request of https://developers.viber.com/docs/api/rest-bot-api/#broadcast-message, for
// a text; its first receiver is no subscriber where digits decide.
const documentedBroadcast = `{
   "sender":{
      "name":"John McClane",
      "avatar":"http://avatar.example.com"
   },
   "min_api_version":2,
   "type":"text",
   "broadcast_list":[
      "ABB102akPCRKFaqxWnafEIA9==",
      "ABB102akPCRKFaqxWnafEIAb==",
      "ABB102akPCRKFaqxWnafPHqZ=="
   ],
   "text":"Hello replace_me_with_receiver_id"
}`

func TestBroadcast(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{ByDigit: true})
	d.KeepMessages()
	hook, got := newWebhook(t, http.StatusOK)
	call(t, h, "set_webhook", strings.Replace(documentedWebhook, "https://my.host.com", hook, 1))
	<-got
	list := strings.NewReplacer("FaqxWnafEIAb", "FaqxWnafEI1b", "FaqxWnafPHqZ", "FaqxWnafPH2Z").Replace(documentedBroadcast)
	a := call(t, h, "broadcast_message", list)
	var left []failed
	if err := json.Unmarshal([]byte(a["failed_list"]), &left); err != nil || a["status"] != "0" || len(left) != 1 || left[0].Status != receiverNotSubscribed {
		t.Fatalf("%v: %v", a, err)
	}
	users := map[string]bool{}
	for range 2 {
		p := <-got
		users[p.UserID] = true
		if p.Event != "delivered" || !strings.Contains(string(p.body), `"message_token":`+a["message_token"].String()) {
			t.Errorf("%+v, want one about %s", p, a["message_token"])
		}
	}
	if n := d.Total(); n.Accepted != 2 || n.Refused != 1 || len(users) != 2 || users[left[0].Receiver] {
		t.Errorf("counted %+v, told of %v", n, users)
	}
	for _, m := range d.Messages() {
		if m.Text != "Hello "+m.Address {
			t.Errorf("%s got %q: in a broadcast the words for a receiver's id are replaced", m.Address, m.Text)
		}
	}
}

func TestBroadcastRefusals(t *testing.T) {
	var many []string
	for i := range maxReceivers + 1 {
		many = append(many, fmt.Sprintf(`"user-%d"`, i))
	}
	const first = `"ABB102akPCRKFaqxWnafEIA9=="`
	for name, c := range map[string]struct{ old, new, status string }{
		"unknown field": {`"type"`, `"receiver":"x","type"`, "3"},
		"too many":      {first, strings.Join(many, ","), "3"},
		"twice":         {first, first + "," + first, "3"},
		"nobody's":      {first, `""`, "3"},
		"no text":       {"Hello replace_me_with_receiver_id", "", "4"},
		"long text":     {"Hello", strings.Repeat("a", 7001), "3"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{})
		if a := call(t, h, "broadcast_message", strings.Replace(documentedBroadcast, c.old, c.new, 1)); string(a["status"]) != c.status {
			t.Errorf("%s: %v, want status %s", name, a, c.status)
		}
		if n := d.Total().Accepted; n != 0 {
			t.Errorf("%s: %d accepted", name, n)
		}
	}
	_, h := newTestServer(t, sandbox.Conduct{})
	if a := call(t, h, "broadcast_message", `{"sender":{"name":"a"},"type":"text","text":"a","broadcast_list":[]}`); a["status"] != "4" {
		t.Errorf("nobody at all: %v", a)
	}
}
