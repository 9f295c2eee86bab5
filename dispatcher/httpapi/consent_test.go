package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// people puts three customers into the directory, two of whom share a number.
func (st *stage) people(t *testing.T) {
	t.Helper()
	const phone = "+37369000001"
	one := func(id, locale, sms, email string) audience.Recipient {
		return audience.Recipient{ID: id, Locale: locale, Consents: []string{"email", "sms"},
			Addresses: audience.Addresses{{Channel: "email", Address: email}, {Channel: "sms", Address: sms}}}
	}
	err := st.ledger.PutRecipients(t.Context(), []audience.Recipient{
		one("c-1", "ru", phone, "a@example.org"), one("c-2", "ro", phone, "b@example.org"), one("c-3", "en", "+37369000003", "c@example.org"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// consents checks on which channels each customer can be told.
func (st *stage) consents(t *testing.T, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for id := range want {
		r, err := st.admin.Customer(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got[id] = strings.Join(r.Consents, " ")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("consents (-want +got):\n%s", d)
	}
}

func TestRepliesBecomeConsent(t *testing.T) {
	both, mail := "email sms", "email"
	for _, tt := range []struct {
		name, body string
		want       map[string]string
		answer     string
	}{
		{"a word, by all who share the number", "from +37369000001 СТОП!", map[string]string{"c-1": mail, "c-2": mail, "c-3": both}, "Банк: больше не пишем сюда о сбоях. Вернуться: START"},
		{"as the provider understood it, which has answered", "out +37369000003", map[string]string{"c-1": both, "c-3": mail}, ""},
		{"a sentence", "from +37369000003 when will it stop?", map[string]string{"c-3": both}, ""},
		{"help", "from +37369000003 help", map[string]string{"c-3": both}, "Банк: messages about service outages. Reply STOP to end them, START to get them again."},
		{"a stranger", "from +37369000009 STOP", map[string]string{"c-1": both, "c-2": both, "c-3": both}, ""},
		{"not an address", "from nobody STOP", map[string]string{"c-1": both}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := newStage(t)
			st.people(t)
			resp, text := st.ask(t, "POST", hook, "", tt.body)
			if resp.StatusCode != 200 || text != tt.answer {
				t.Errorf("%d, answer %q; want %q", resp.StatusCode, text, tt.answer)
			}
			st.consents(t, tt.want)
		})
	}
}

func TestStartGivesBack(t *testing.T) {
	st := newStage(t)
	st.people(t)
	st.ask(t, "POST", hook, "", "from +37369000001 stop")
	st.ask(t, "POST", hook, "", "from +37369000001 stop")
	st.consents(t, map[string]string{"c-1": "email", "c-2": "email"})
	st.ask(t, "POST", hook, "", "from +37369000001 start")
	st.consents(t, map[string]string{"c-1": "email sms", "c-2": "email sms"})
	_, text := st.ask(t, "GET", "/metrics", "", "")
	for _, want := range []string{
		`tocsin_http_inbound_total{channel="sms",wish="opt_out"} 2`,
		`tocsin_http_inbound_total{channel="sms",wish="opt_in"} 1`,
		`tocsin_http_consent_changes_total{channel="sms",source="reply",to="withdrawn"} 2`,
		`tocsin_http_consent_changes_total{channel="sms",source="reply",to="given"} 2`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestConsentNotStored: what the ledger doesn't take, the provider is to say again; and it says so beside
// receipts, too.
func TestConsentNotStored(t *testing.T) {
	st := newStage(t)
	st.people(t)
	st.ledger.refuse = errors.New("disk of +37369000001")
	resp, text := st.ask(t, "POST", hook, "", "from +37369000001 stop")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || strings.Contains(text, "373") {
		t.Errorf("%d: %s", resp.StatusCode, text)
	}
	st.ledger.refuse = nil
	st.consents(t, map[string]string{"c-1": "email sms"})
}

// told puts an update into the ledger that is told to c-1 by email and then SMS, and returns a link to
// leave each.
func (st *stage) told(t *testing.T) (email, sms string) {
	t.Helper()
	st.record(t, anUpdate())
	if err := st.letGo(t, 1); err != nil {
		t.Fatal(err)
	}
	u, err := st.ledger.NextToPlan(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	p := ledger.Page{Update: u.ID, Cursor: 1, Last: true, Now: time.Now(),
		Notifications: []ledger.NewNotification{{Recipient: 1, Locale: "ru", Steps: notification.Steps("email", "sms")}},
		Batches: []ledger.NewBatch{{To: 1, Items: []ledger.Item{{Address: "a@example.org"}}, Batch: ledger.BatchHead{
			Update: u.ID, Channel: "email", Kind: channels.Email, Locale: "ru", Priority: notification.PriorityOf(incident.Investigating, incident.Major)}}},
	}
	if err := st.ledger.CommitPage(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	id := notification.ID{Notification: p.Batches[0].Items[0].Notification}
	email = "/v1/unsubscribe/" + st.signer.LeaveToken(id)
	id.Step = 1
	return email, "/v1/unsubscribe/" + st.signer.LeaveToken(id)
}

// TestComplaintsBecomeConsent: who is known by the attempt alone.
func TestComplaintsBecomeConsent(t *testing.T) {
	st := newStage(t)
	st.people(t)
	st.told(t)
	other := notification.NewSigner([]byte("other"))
	for _, ref := range []string{other.Ref(notification.ID{Notification: 1}), st.signer.Ref(notification.ID{Notification: 77})} {
		if resp, text := st.ask(t, "POST", hook, "", "ref "+ref); resp.StatusCode != 200 {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
	}
	st.consents(t, map[string]string{"c-1": "email sms"})
	st.ask(t, "POST", hook, "", "ref "+st.signer.Ref(notification.ID{Notification: 1}))
	st.consents(t, map[string]string{"c-1": "sms", "c-2": "email sms"})
}

const form = "application/x-www-form-urlencoded"

func TestUnsubscribe(t *testing.T) {
	st := newStage(t)
	st.people(t)
	email, sms := st.told(t)
	resp, text := st.ask(t, "GET", email, "", "")
	if resp.StatusCode != 200 || !strings.Contains(text, `lang="ru"`) || !strings.Contains(text, "Отписаться") || strings.Contains(text, "example.org") {
		t.Errorf("the page: %d %s", resp.StatusCode, text)
	}
	if c := resp.Header.Get("Cache-Control"); c != "no-store" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("headers %v", resp.Header)
	}
	for _, wrong := range []string{"", "List-Unsubscribe=Yes", "x=y"} {
		if resp, _ := st.ask(t, "POST", email, "", wrong, "Content-Type", form); resp.StatusCode != 400 {
			t.Errorf("%q: %d", wrong, resp.StatusCode)
		}
	}
	st.consents(t, map[string]string{"c-1": "email sms"}) // neither a look nor a guess withdraws anything

	for range 2 {
		if resp, text := st.ask(t, "POST", email, "", "List-Unsubscribe=One-Click", "Content-Type", form); resp.StatusCode != 200 || strings.Contains(text, "<form") {
			t.Errorf("one click: %d %s", resp.StatusCode, text)
		}
	}
	st.consents(t, map[string]string{"c-1": "sms", "c-2": "email sms"})
	st.ask(t, "POST", sms, "", url.Values{"List-Unsubscribe": {"One-Click"}, "button": {"page"}}.Encode(), "Content-Type", form)
	r, err := st.admin.Customer(t.Context(), "c-1")
	if err != nil {
		t.Fatal(err)
	}
	want := []audience.Withdrawal{{Channel: "email", Source: audience.ByOneClick}, {Channel: "sms", Source: audience.ByLink}}
	if d := cmp.Diff(want, r.Withdrawn, cmpopts.IgnoreFields(audience.Withdrawal{}, "At")); d != "" {
		t.Errorf("withdrawn (-want +got):\n%s", d)
	}
}

// TestUnsubscribeByMultipart: some mailbox providers post the field so (RFC 8058, section 3.2, allows both).
func TestUnsubscribeByMultipart(t *testing.T) {
	st := newStage(t)
	st.people(t)
	email, _ := st.told(t)
	body := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	if resp, text := st.ask(t, "POST", email, "", body, "Content-Type", "multipart/form-data; boundary=b"); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	st.consents(t, map[string]string{"c-1": "sms"})
}

func TestUnsubscribeLinksThatLeadNowhere(t *testing.T) {
	st := newStage(t)
	st.people(t)
	email, _ := st.told(t)
	const click = "List-Unsubscribe=One-Click"
	other := notification.NewSigner([]byte("other")).LeaveToken(notification.ID{Notification: 1})
	gone := "/v1/unsubscribe/" + st.signer.LeaveToken(notification.ID{Notification: 77})
	noStep := "/v1/unsubscribe/" + st.signer.LeaveToken(notification.ID{Notification: 1, Step: 9})
	for path, want := range map[string]int{
		"/v1/unsubscribe/" + other: 404, "/v1/unsubscribe/" + st.signer.Ref(notification.ID{Notification: 1}): 404, email + "x": 404,
		gone: 410, noStep: 410,
	} {
		if resp, _ := st.ask(t, "GET", path, "", ""); resp.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, resp.StatusCode, want)
		}
		if resp, _ := st.ask(t, "POST", path, "", click, "Content-Type", form); resp.StatusCode != want {
			t.Errorf("POST %s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	st.ledger.refuse = errors.New("down")
	if resp, _ := st.ask(t, "POST", email, "", click, "Content-Type", form); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("not stored, yet %d", resp.StatusCode)
	}
	st.ledger.refuse = nil
	st.consents(t, map[string]string{"c-1": "email sms"})
}

func TestOperatorsConsent(t *testing.T) {
	st := newStage(t)
	st.people(t)
	act := func(id, channel string, on bool) (ledger.ConsentReport, error) {
		return st.admin.SetConsent(t.Context(), ledger.Consent{Recipient: id, Channel: channel, On: on, By: "Ana", Why: "asked at the branch"})
	}
	if r, err := act("c-3", "sms", false); err != nil || r.Changed != 1 {
		t.Errorf("off: %+v, %v", r, err)
	}
	st.consents(t, map[string]string{"c-3": "email"})
	if r, err := act("c-3", "sms", true); err != nil || r.Changed != 1 {
		t.Errorf("on: %+v, %v", r, err)
	}
	st.consents(t, map[string]string{"c-3": "email sms"})
	if _, err := act("nobody", "sms", true); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("nobody's: %v", err)
	}
	const path = "/v1/customers/c-3/consents/"
	for _, bad := range []struct{ path, body string }{
		{path + "pigeon", `{"on":true,"by":"Ana","why":"x"}`}, {path + "sms", `{"by":"Ana","why":"x"}`}, {path + "sms", `{"on":true,"why":"x"}`},
		{path + "sms", `{"on":true,"by":"Ana"}`}, {path + "sms", `{"on":true,"by":"Ana","why":"x","at":1}`}, {path + "sms", `{`},
	} {
		if resp, text := st.ask(t, "POST", bad.path, adminToken, bad.body); resp.StatusCode != 400 {
			t.Errorf("%s %s: %d %s", bad.path, bad.body, resp.StatusCode, text)
		}
	}
	for _, token := range []string{"", cardsToken, anyToken} {
		if resp, _ := st.ask(t, "POST", path+"sms", token, `{"on":false,"by":"Ana","why":"x"}`); !slices.Contains([]int{401, 403}, resp.StatusCode) {
			t.Errorf("token %q: %d", token, resp.StatusCode)
		}
	}
}

// SetConsent fails when the test wants it to.
func (b *books) SetConsent(ctx context.Context, c ledger.Consent) (ledger.ConsentReport, error) {
	if b.refuse != nil {
		return ledger.ConsentReport{}, b.refuse
	}
	return b.Ledger.SetConsent(ctx, c)
}

// Reply implements channels.Replier.
func (p *parser) Reply(_ channels.Inbound, text string) (string, []byte) {
	return "text/plain", []byte(text)
}
