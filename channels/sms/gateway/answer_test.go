package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

const jsonAnswer = `request: {url: "https://h/{text}"}
answer:
  id: {pointer: /data/0/id}
  code: {pointer: /code}
  accepted: ["0", ok]
  errors: {invalid_address: ["7"], auth: [no_credit], rate_limited: ["9"], unavailable: [down], rejected: [bad]}
  statuses: [200, 202]
  http_errors: {auth: [402], rate_limited: [420], unknown: [503]}
`

func TestAnswers(t *testing.T) {
	a := mustNew(t, jsonAnswer).answer
	for name, tt := range map[string]struct {
		status int
		body   string
		id     string // "" for an error
		class  channels.Class
		code   string
		after  time.Duration
	}{
		"taken":                       {200, `{"code":0,"data":[{"id":9007199254740993}]}`, "9007199254740993", 0, "", 0},
		"taken, in words":             {202, `{"code":"ok","data":[{"id":"a"}]}`, "a", 0, "", 0},
		"unknown number":              {200, `{"code":7}`, "", channels.InvalidAddress, "7", 0},
		"unknown number, as an error": {422, `{"code":"7"}`, "", channels.InvalidAddress, "7", 0},
		"without money":               {200, `{"code":"no_credit"}`, "", channels.Auth, "no_credit", 0},
		"too fast":                    {200, `{"code":9}`, "", channels.RateLimited, "9", 7 * time.Second},
		"down":                        {200, `{"code":"down"}`, "", channels.Unavailable, "down", 7 * time.Second},
		"bad":                         {400, `{"code":"bad"}`, "", channels.Rejected, "bad", 0},
		"a code that isn't described": {200, `{"code":"8"}`, "", channels.Unknown, "8", 0},
		"a code of somebody's number": {200, `{"code":"37369000100"}`, "", channels.Unknown, "unlisted", 0},
		"a code in prose":             {200, `{"code":"sent to Ion"}`, "", channels.Unknown, "unlisted", 0},
		"no code":                     {200, `{"data":[{"id":"a"}]}`, "", channels.Unknown, "no_code", 0},
		"a code that is an object":    {200, `{"code":{}}`, "", channels.Unknown, "no_code", 0},
		"no id":                       {200, `{"code":0,"data":[]}`, "", channels.Unknown, "no_id", 0},
		"no JSON":                     {200, `OK`, "", channels.Unknown, "no_code", 0},
		"two documents":               {200, `{"code":0,"data":[{"id":"a"}]}{}`, "", channels.Unknown, "no_code", 0},
		"another success":             {201, `{"code":0,"data":[{"id":"a"}]}`, "", channels.Unknown, "201 unreadable", 0},
		"good code, bad status":       {500, `{"code":0,"data":[{"id":"a"}]}`, "", channels.Unknown, "500", 0},
		"described status":            {402, ``, "", channels.Auth, "402", 0},
		"described to wait":           {420, ``, "", channels.RateLimited, "420", 7 * time.Second},
		"described as unknown":        {503, ``, "", channels.Unknown, "503", 0},
		"unauthorized":                {401, ``, "", channels.Auth, "401", 0},
		"redirect":                    {302, ``, "", channels.Unavailable, "302", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := channels.Answer{Status: tt.status, Header: http.Header{"Retry-After": {"7"}}, Body: []byte(tt.body)}
			ack, err := a.read(got)
			if tt.id != "" {
				if err != nil || ack != (channels.Ack{ID: tt.id, Proof: channels.Accepted}) {
					t.Errorf("Ack %+v, error %v; want the id %s", ack, err, tt.id)
				}
				return
			}
			if e := channels.AsError(err); err == nil || e.Class != tt.class || e.Code != tt.code || e.RetryAfter != tt.after {
				t.Errorf("error %v after %v, want class %v, code %s, after %v", err, channels.AsError(err).RetryAfter, tt.class, tt.code, tt.after)
			}
		})
	}
}

// TestAnswerWithoutADescription: any 2xx says that the message was taken.
func TestAnswerWithoutADescription(t *testing.T) {
	a := mustNew(t, "request: {url: \"https://h/{text}\"}\n").answer
	if ack, err := a.read(channels.Answer{Status: 204}); err != nil || ack.Proof != channels.Accepted {
		t.Errorf("204: %+v, %v", ack, err)
	}
	if _, err := a.read(channels.Answer{Status: 400}); channels.AsError(err).Class != channels.Rejected {
		t.Errorf("400: %v, want class rejected", err)
	}
}

func TestPointers(t *testing.T) {
	document, err := parseJSON([]byte(`{"a":{"b":[1,{"c":"x"},true]},"":"empty","m~n":"tilde","p/q":"slash","n":null,"e":1.50}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"/a/b/0": "1", "/a/b/1/c": "x", "/a/b/2": "true", "/": "empty", "/m~0n": "tilde", "/p~1q": "slash", "/e": "1.50",
		"": "", "/n": "", "/a": "", "/a/b/3": "", "/a/b/-1": "", "/a/b/00": "", "/a/b/-": "", "/x/y": "", "/a/b/0/c": "",
	} {
		p, err := parsePointer(text)
		if err != nil || p.text(document) != want {
			t.Errorf("%q is %q, error %v; want %q", text, p.text(document), err, want)
		}
	}
	for _, text := range []string{"a", "/a~", "/a~2b"} {
		if _, err := parsePointer(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(200, `{"code":0,"data":[{"id":"a"}]}`)
	f.Add(503, `{"code":`)
	s, err := newSender(decode(jsonAnswer), channels.Env{HTTP: &http.Client{}})
	if err != nil {
		f.Fatal(err)
	}
	a := s.(*sender).answer
	f.Fuzz(func(t *testing.T, status int, body string) {
		ack, err := a.read(channels.Answer{Status: status, Header: http.Header{}, Body: []byte(body)})
		if err == nil {
			if ack.ID == "" || (status != 200 && status != 202) {
				t.Errorf("%d is taken as %+v", status, ack)
			}
			return
		}
		if e, ok := err.(*channels.Error); !ok || e.Code == "" || len(e.Code) > 48 || strings.Contains(e.Code, "\n") {
			t.Errorf("error %#v", err)
		}
	})
}
