package sim

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// TestSetWebhook sets webhooks with the parameters that https://core.telegram.org/bots/api#setwebhook lists.
func TestSetWebhook(t *testing.T) {
	for body, want := range map[string]int{
		`{"url":"https://example.com/x","secret_token":"A-z_0","allowed_updates":["message"],"max_connections":40,"drop_pending_updates":true}`: 200,
		`{"url":"https://example.com:8443/x"}`:               200,
		`{"url":"http://127.0.0.1:8080/x"}`:                  200,
		`{"url":"http://tocsin:8080/x"}`:                     200,
		`{"url":""}`:                                         200,
		`{"url":"http://example.com/x"}`:                     400,
		`{"url":"https://example.com:8080/x"}`:               400,
		`{"url":"example.com"}`:                              400,
		`{"url":"https://example.com","secret_token":"a b"}`: 400,
		`{"url":"https://example.com","secret_token":"` + strings.Repeat("a", 257) + `"}`: 400,
		`{"url":"https://example.com","max_connections":101}`:                             400,
		`{"url":"https://example.com","secret":"a"}`:                                      400,
		`url=x`: 400,
	} {
		_, h := newTestServer(t, sandbox.Conduct{})
		if status, e := call(t, h, "/bot"+Token+"/setWebhook", body); status != want || e.OK != (want == 200) {
			t.Errorf("%s: %d %+v, want %d", body, status, e, want)
		}
	}
}

func TestMigratedGroup(t *testing.T) {
	d, h := newTestServer(t, sandbox.Conduct{})
	status, e := call(t, h, "/bot"+Token+"/sendMessage", `{"chat_id":`+MigratedFrom+`,"text":"a"}`)
	if status != 400 || e.Parameters == nil || e.Parameters.MigrateToChatID != MigratedTo {
		t.Errorf("%d %+v, want the new id", status, e)
	}
	if n := d.Total().Accepted; n != 0 {
		t.Errorf("%d accepted", n)
	}
}
