package sim

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

func TestReplies(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	d.KeepMessages()
	send := func(text, reply string) (int, envelope) {
		return call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id":"@channel","text":"`+text+`"`+reply+`}`)
	}
	for _, c := range []struct {
		reply, says, to string
	}{
		{"", "", ""},
		{`,"reply_parameters":{"message_id":1}`, "", "1"},
		{`,"reply_parameters":{"message_id":7}`, "not found", ""},
		{`,"reply_parameters":{"message_id":7,"allow_sending_without_reply":true}`, "", ""},
		{`,"reply_parameters":{"id":1}`, "parse", ""},
	} {
		before := len(d.Messages())
		status, e := send("a", c.reply)
		if (status == 200) != (c.says == "") || !strings.Contains(e.Description, c.says) {
			t.Errorf("%s: %d %+v", c.reply, status, e)
		}
		if kept := d.Messages(); c.says == "" && (len(kept) != before+1 || kept[before].ReplyTo != c.to) {
			t.Errorf("%s: kept %+v, want a reply to %q", c.reply, kept, c.to)
		}
	}
}
