package sim

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// TestDeleteMessage deletes with the parameters that https://core.telegram.org/bots/api#deletemessage lists.
// There is one message, with id 1, in chat 7.
func TestDeleteMessage(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"it":                 {`{"chat_id":7,"message_id":1}`, 200, ""},
		"by a string":        {`{"chat_id":"7","message_id":1}`, 200, ""},
		"another chat":       {`{"chat_id":8,"message_id":1}`, 400, "message to delete not found"},
		"no such message":    {`{"chat_id":7,"message_id":2}`, 400, "message to delete not found"},
		"no id":              {`{"chat_id":7}`, 400, "message identifier is not specified"},
		"an id below 1":      {`{"chat_id":7,"message_id":-1}`, 400, "message identifier is not specified"},
		"no chat":            {`{"message_id":1}`, 400, "chat identifier is not specified"},
		"no chat's name":     {`{"chat_id":"bank","message_id":1}`, 400, "chat not found"},
		"a group that moved": {`{"chat_id":` + MigratedFrom + `,"message_id":1}`, 400, "upgraded to a supergroup"},
		"an unknown field":   {`{"chat_id":7,"message_id":1,"text":"a"}`, 400, "fields of deleteMessage"},
		"no JSON":            {`chat_id=7&message_id=1`, 400, "JSON"},
	} {
		d, h := newTestServer(t, sandbox.Conduct{})
		call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id":7,"text":"a"}`)
		status, e := call(t, h, "/bot"+Token+"/deleteMessage", c.body)
		recalled := d.Total().Recalled
		if status != c.status || e.OK != (c.status == 200) || !strings.Contains(e.Description, c.says) {
			t.Errorf("%s: answer %d %+v, want %d that says %q", name, status, e, c.status, c.says)
		}
		if e.OK != (e.Result == true) || e.OK != (recalled == 1) {
			t.Errorf("%s: answer %+v, %d taken back", name, e, recalled)
		}
	}
}

func TestDeletedOnce(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	do := func(method, body string) envelope {
		_, e := call(t, h, "/bot"+Token+"/"+method, body)
		return e
	}
	do("sendMessage", `{"chat_id":"@Bank","text":"a"}`)
	if e := do("deleteMessage", `{"chat_id":"@bank","message_id":1}`); !e.OK {
		t.Errorf("%+v", e)
	}
	if e := do("deleteMessage", `{"chat_id":"@bank","message_id":1}`); e.OK || !strings.Contains(e.Description, "not found") {
		t.Errorf("once more: %+v", e)
	}
	if e := do("sendMessage", `{"chat_id":"@bank","text":"b","reply_parameters":{"message_id":1}}`); e.OK || !strings.Contains(e.Description, "to be replied not found") {
		t.Errorf("a reply to it: %+v", e)
	}
	if n := d.Total().Recalled; n != 1 {
		t.Errorf("%d taken back, want 1", n)
	}
}

// TestDeletable: a message can be deleted for less than 48 hours.
func TestDeletable(t *testing.T) {
	sent := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for age, want := range map[time.Duration]string{0: "", deletable - time.Second: "", deletable: "message can't be deleted for everyone"} {
		now := sent
		m := memory{clock: func() time.Time { return now }}
		id, at := m.add("7")
		now = sent.Add(age)
		if got := m.remove("7", id); got != want || at != sent {
			t.Errorf("after %v: %q, want %q", age, got, want)
		}
	}
	d, h := newTestServer(t, sandbox.Conduct{})
	call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id":7,"text":"a"}`)
	d.SetConduct(sandbox.Conduct{Clock: sandbox.Duration(49 * time.Hour)})
	if status, e := call(t, h, "/bot"+Token+"/deleteMessage", `{"chat_id":7,"message_id":1}`); status != 400 || d.Total().Recalled != 0 {
		t.Errorf("after 49 hours: %d %+v", status, e)
	}
}

// BenchmarkMemory shows what a message costs that is remembered.
func BenchmarkMemory(b *testing.B) {
	m := memory{clock: time.Now}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.add(strconv.Itoa(700000000 + i))
	}
}
