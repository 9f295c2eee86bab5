package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

const (
	urlSecret = "a-secret-in-the-url-of-ours"
	// both describes a gateway that brings receipts and replies to one URL.
	both = `request: {url: "https://h/{text}?{ref}"}
receipts: {from: json, list: /events, ref: /ref, state: /state, states: {delivered: [ok], failed: [no]}, proof: {header: {name: X-Secret, value: hush}}}
replies: {from: json, list: /events, address: /from, text: /text, without_plus: true, proof: {header: {name: X-Secret, value: hush}}}
`
	// only describes one that brings nothing but replies, by GET.
	only = `request: {url: "https://h/{text}"}
replies: {from: query, address: msisdn, text: msg, proof: {query: {name: k, value: ` + urlSecret + `}}}
`
)

func TestReplies(t *testing.T) {
	two, one := mustNew(t, both), mustNew(t, only)
	lists := mustNew(t, strings.Replace(strings.Replace(both, "list: /events", "list: /dlr", 1), "list: /events", "list: /mo", 1))
	around := mustNew(t, strings.Replace(strings.Replace(both, "list: /events", "list: /dlr", 1), "list: /events, ", "", 1))
	said := func(text string) []channels.Inbound { return []channels.Inbound{{Address: "+37369000100", Text: text}} }
	for name, tt := range map[string]struct {
		s                *sender
		ref, query, body string
		inbound          []channels.Inbound
		receipts         int
		class            channels.Class // of the error; Unknown for none
	}{
		"in JSON":                       {s: two, body: `{"events":[{"from":"37369000100","text":"STOP"}]}`, inbound: said("STOP")},
		"a number that has its plus":    {s: two, body: `{"events":[{"from":"+37369000100","text":"Стоп"}]}`, inbound: said("Стоп")},
		"a number written as one":       {s: two, body: `{"events":[{"from":37369000100,"text":"STOP"}]}`, inbound: said("STOP")},
		"nothing written":               {s: two, body: `{"events":[{"from":"37369000100"}]}`, inbound: said("")},
		"a receipt with its number":     {s: two, body: `{"events":[{"from":"37369000100","text":"Cards","state":"ok","ref":"r"}]}`, receipts: 1},
		"a reply beside a receipt":      {s: two, body: `{"events":[{"state":"ok","ref":"r"},{"from":"37369000100","text":"STOP"}]}`, inbound: said("STOP"), receipts: 1},
		"beside one that is unreadable": {s: two, body: `{"events":[{"state":"?","ref":"r"},{"from":"37369000100","text":"STOP"}]}`, inbound: said("STOP")},
		"in lists of their own":         {s: lists, body: `{"dlr":[{"state":"ok","ref":"r","from":"1"}],"mo":[{"from":"37369000100","text":"STOP"}]}`, inbound: said("STOP"), receipts: 1},
		"a receipt around a list":       {s: around, body: `{"from":"37369000100","text":"STOP","dlr":[{"state":"ok","ref":"r"}]}`, receipts: 1},
		"a receipt":                     {s: two, body: `{"events":[{"state":"ok","ref":"r"}]}`, receipts: 1},
		"no events":                     {s: two, body: `{"events":[]}`},
		"a name":                        {s: two, body: `{"events":[{"from":"Bank","text":"STOP"}]}`, class: channels.Rejected},
		"at an attempt's URL":           {s: two, ref: "r", body: `{"events":[{"from":"37369000100","text":"STOP"}]}`, class: channels.Rejected},
		"no JSON":                       {s: two, body: `STOP`, class: channels.Rejected},
		"by GET":                        {s: one, query: "k=" + urlSecret + "&msisdn=%2B37369000100&msg=stop", inbound: said("stop")},
		"by GET, with another secret":   {s: one, query: "k=x&msisdn=%2B37369000100&msg=stop", class: channels.Auth},
		"by GET, without one":           {s: one, query: "msisdn=%2B37369000100&msg=stop", class: channels.Auth},
		"by GET, nobody":                {s: one, query: "k=" + urlSecret, class: channels.Rejected},
		"to where receipts would come":  {s: one, ref: "r", query: "k=" + urlSecret + "&msisdn=%2B37369000100&msg=stop", class: channels.Auth},
		"where replies aren't expected": {s: describing(t, "s\n  from: query"), query: "msisdn=1&msg=stop", class: channels.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			heard, err := tt.s.ParseCallback(calling(t, tt.ref, tt.query, tt.body))
			if diff := cmp.Diff(tt.inbound, heard.Inbound); diff != "" || len(heard.Receipts) != tt.receipts {
				t.Errorf("%d receipts, heard (-want +got):\n%s", len(heard.Receipts), diff)
			}
			if (err != nil) != (tt.class != channels.Unknown) || err != nil && channels.AsError(err).Class != tt.class {
				t.Errorf("error %v, want class %v", err, tt.class)
			}
		})
	}
}

// TestRepliesAreProved: neither proof stands in for the other.
func TestRepliesAreProved(t *testing.T) {
	c := calling(t, "", "", `{"events":[{"from":"37369000100","text":"STOP"}]}`)
	c.Header = http.Header{"X-Secret": {"hus"}}
	if _, err := mustNew(t, both).ParseCallback(c); err == nil || channels.AsError(err).Class != channels.Auth {
		t.Errorf("error %v, want class auth", err)
	}
}

func FuzzReplies(f *testing.F) {
	f.Add("", `{"events":[{"from":"37369000100","text":"STOP"},{"state":"ok","ref":"r"}]}`)
	f.Add("msisdn=1&msg=%ff", `{"events":{}}`)
	two, one := mustNew(f, both), mustNew(f, only)
	f.Fuzz(func(t *testing.T, query, body string) {
		for _, s := range []*sender{two, one} {
			c := channels.Callback{Method: "POST", URL: &url.URL{RawQuery: query + "&k=" + urlSecret}, Header: http.Header{"X-Secret": {"hush"}}, Body: []byte(body)}
			heard, err := s.ParseCallback(c)
			for _, in := range heard.Inbound {
				if err != nil || !isNumber(in.Address) {
					t.Errorf("%+v, %v", heard, err)
				}
			}
		}
	})
}
