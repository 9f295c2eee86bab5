package mastodon

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// instance answers what an inquiry asks: with whole lists by the id before which they begin, and with
// the texts of posts.
func instance(lists, sources map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/api/v1/statuses/"), "/source")
		answer, ok := sources[id]
		switch r.URL.Path {
		case "/api/v1/accounts/verify_credentials":
			answer, ok = `{"id":"7"}`, true
		case "/api/v1/accounts/7/statuses":
			answer, ok = lists[r.URL.Query().Get("max_id")]
		}
		if !ok {
			w.WriteHeader(404)
		}
		_, _ = io.WriteString(w, answer)
	}
}

func TestInquiry(t *testing.T) {
	const at, early, late = `"created_at":"2026-11-22T10:00:05.000Z"`, `"created_at":"2026-11-22T09:00:00.000Z"`, `"created_at":"2026-11-22T11:00:00.000Z"`
	source := func(id, text string) string { return `{"id":"` + id + `","text":"` + text + `","spoiler_text":""}` }
	for name, tt := range map[string]struct {
		lists, sources map[string]string
		state          channels.ReceiptState
		id             string
	}{
		"found": {map[string]string{"": `[{"id":"3",` + late + `},{"id":"2",` + at + `},{"id":"1",` + at + `}]`},
			map[string]string{"2": source("2", "other"), "1": source("1", "Card payments\\nare down.")}, channels.ReceiptDelivered, "1"},
		"on another page": {map[string]string{"": `[{"id":"3",` + late + `}]`, "3": `[{"id":"1",` + at + `}]`},
			map[string]string{"1": source("1", "Card payments are down.")}, channels.ReceiptDelivered, "1"},
		"nothing":         {map[string]string{"": `[]`}, nil, channels.ReceiptAbsent, ""},
		"too old":         {map[string]string{"": `[{"id":"1",` + early + `}]`}, nil, channels.ReceiptAbsent, ""},
		"another's":       {map[string]string{"": `[{"id":"9",` + at + `},{"id":"1",` + early + `}]`}, nil, channels.ReceiptAbsent, ""},
		"deleted":         {map[string]string{"": `[{"id":"1",` + at + `}]`}, nil, "", ""},
		"endless":         {map[string]string{"": `[{"id":"3",` + late + `}]`, "3": `[{"id":"3",` + late + `}]`}, nil, "", ""},
		"unreadable":      {map[string]string{"": `{}`}, nil, "", ""},
		"no list":         {map[string]string{"": `null`}, nil, "", ""},
		"an odd id":       {map[string]string{"": `[{"id":"../1",` + at + `}]`}, nil, "", ""},
		"no time":         {map[string]string{"": `[{"id":"1"}]`}, nil, "", ""},
		"the list is off": {nil, nil, "", ""},
	} {
		s := newTestSender(t, instance(tt.lists, tt.sources))
		sent := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		q := channels.Inquiry{Ref: "a-1", Address: "bank_ro", Text: "Card payments are down.", SentAfter: sent, SentBefore: sent.Add(time.Minute), Others: []string{"9"}}
		r, err := s.(channels.Inquirer).Inquire(context.Background(), q)
		if (err != nil) != (tt.state == "") || r.State != tt.state || r.ProviderID != tt.id {
			t.Errorf("%s: %+v, %v; want %q %q", name, r, err, tt.state, tt.id)
		}
	}
}

func TestInquiriesThatMakeNoSense(t *testing.T) {
	s := newTestSender(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	for _, q := range []channels.Inquiry{{ProviderID: "../1"}, {Address: "other", Text: "a"}} {
		_, err := s.(channels.Inquirer).Inquire(context.Background(), q)
		if e := channels.AsError(err); err == nil || e.Class != channels.Rejected {
			t.Errorf("%+v: %v, want class rejected", q, err)
		}
	}
}
