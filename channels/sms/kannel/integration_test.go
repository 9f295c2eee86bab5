package kannel

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestAgainstKannel sends through a real Kannel.
func TestAgainstKannel(t *testing.T) {
	hook, calls := takeCalls(t)
	g := startGateway(t, hook)
	c := testConfig(g.url)
	c.CallbackSecret = "s"
	s := newTestSender(t, c)
	link := bufio.NewReader(g.smsc)
	t.Run("GSM-7", func(t *testing.T) {
		const text = "Cards are down: {5} & [€] \"now\" 100%  two blanks "
		mustSend(t, s, text, hook)
		if got := received(t, g, link); got != "Bank +37369000100 text "+text {
			t.Errorf("the link got %q", got)
		}
		awaitDelivered(t, s, calls)
	})
	t.Run("UCS-2", func(t *testing.T) {
		const text = "Карты не работают 🔔"
		mustSend(t, s, text, hook)
		if got := units(t, received(t, g, link)); got != text {
			t.Errorf("the link got %q", got)
		}
		awaitDelivered(t, s, calls)
	})
	t.Run("over SMPP", func(t *testing.T) {
		c.SMSC = "P"
		defer func() { c.SMSC = "" }()
		testSMPP(t, newTestSender(t, c), g, hook, calls)
	})
	t.Run("what customers write", func(t *testing.T) { testInbound(t, s, g, calls) })
	t.Run("as many parts as Kannel sends", func(t *testing.T) { testParts(t, s, g, link) })
	t.Run("a probe sends nothing", func(t *testing.T) {
		if err := s.Probe(t.Context()); err != nil {
			t.Errorf("Probe: %v", err)
		}
		mustSend(t, s, "after the probe", "")
		if got := received(t, g, link); !strings.HasSuffix(got, "after the probe") {
			t.Errorf("the link got %q", got)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		c.Password = "another"
		wrong := newTestSender(t, c)
		_, err := wrong.Send(t.Context(), channels.Message{Address: "+37369000100", Text: "x"})
		for _, err := range []error{err, wrong.Probe(t.Context())} {
			if err == nil || channels.AsError(err).Class != channels.Auth {
				t.Errorf("error %v, want class auth", err)
			}
		}
	})
}

// testSMPP sends over a link by SMPP, and reads what becomes of it there.
func testSMPP(t *testing.T, s *sender, g *gateway, hook string, calls <-chan channels.Callback) {
	for _, tt := range []struct {
		to, text   string
		dataCoding byte
		octets     string
		state      channels.ReceiptState
		code       string
	}{
		{"+37369000101", "Cards [5 @ €]", 0, "Cards \x1b<5 \x00 \x1be\x1b>", channels.ReceiptDelivered, "delivered"},
		{"+37369000102", "Карта", 8, "\x04\x1a\x040\x04@\x04B\x040", channels.ReceiptFailed, "failed UNDELIV 011"},
		{"+37369000103", "Cards", 0, "Cards", channels.ReceiptFailed, "rejected 0x0000000b"},
	} {
		m := channels.Message{Ref: "0192-1-1-mac", Address: tt.to, Text: tt.text, UsefulFor: time.Hour, Callback: hook + "/a%20b/0192-1-1-mac"}
		if _, err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-g.smpp.submitted:
			if string(got.text) != tt.octets || got.dataCoding != tt.dataCoding || got.from != "Bank" || got.validity == "" || got.registered&1 == 0 {
				t.Errorf("%s: the centre got %+v", tt.to, got)
			}
		case <-time.After(patience):
			t.Fatalf("%s: the centre got nothing", tt.to)
		}
		if r := awaitReport(t, s, calls, tt.state); r.Code != tt.code {
			t.Errorf("%s: receipt %+v, want the code %q", tt.to, r, tt.code)
		}
	}
}

// testInbound has customers write over the link by SMPP, and reads what Kannel makes of it. Our answer
// goes back to them.
func testInbound(t *testing.T, s *sender, g *gateway, calls <-chan channels.Callback) {
	for _, tt := range []struct {
		text       string
		dataCoding byte
		octets     string
		wish       channels.Wish
	}{
		{"STOP", 0, "STOP", channels.OptOut},
		{"Стоп!", 8, "\x04\x21\x04\x42\x04\x3e\x04\x3f\x00!", channels.OptOut},
		{"Când merge? [€]", 8, "\x00C\x00\xe2\x00n\x00d\x00 \x00m\x00e\x00r\x00g\x00e\x00?\x00 \x00[\x20\xac\x00]", channels.NoWish},
		{"A {b} @", 0, "A \x1b(b\x1b) \x00", channels.NoWish},
	} {
		g.smpp.write(t, "37369000100", "1234", tt.dataCoding, tt.octets)
		select {
		case c := <-calls:
			heard, err := s.ParseCallback(c)
			want := []channels.Inbound{{Address: "+37369000100", Text: tt.text}}
			if diff := cmp.Diff(want, heard.Inbound); err != nil || diff != "" || heard.Inbound[0].Understood() != tt.wish {
				t.Errorf("%q: %v, heard (-want +got):\n%s\n%s %v", tt.text, err, diff, c.Header.Get("Content-Type"), c.Header)
			}
		case <-time.After(patience):
			t.Fatalf("%q: Kannel posted nothing", tt.text)
		}
		if tt.wish == channels.NoWish {
			continue
		}
		select {
		case got := <-g.smpp.submitted:
			if got.to != "37369000100" && got.to != "+37369000100" || string(got.text) != repliedText {
				t.Errorf("%q was answered by %+v", tt.text, got)
			}
		case <-time.After(patience):
			t.Fatalf("%q: our answer was not sent", tt.text)
		}
	}
}

// repliedText is our answer to whoever leaves.
const repliedText = "You get no more of these"

// testParts sends a text that takes all the parts there may be: none of it is cut off.
func testParts(t *testing.T, s *sender, g *gateway, link *bufio.Reader) {
	text := strings.Repeat("Плата по картам. ", 11) // 187 units of 201
	mustSend(t, s, text, "")
	got := ""
	for range 3 {
		got += units(t, received(t, g, link))
	}
	if strings.TrimSpace(got) != strings.TrimSpace(text) {
		t.Errorf("the link got %q", got)
	}
}

func mustSend(t *testing.T, s *sender, text, hook string) {
	t.Helper()
	m := channels.Message{Ref: "0192-1-1-mac", Address: "+37369000100", Text: text, UsefulFor: time.Hour}
	if hook != "" {
		m.Callback = hook + "/a%20b/0192-1-1-mac"
	}
	if ack, err := s.Send(t.Context(), m); err != nil || ack.Proof != channels.Accepted {
		t.Fatalf("Send = %+v, %v", ack, err)
	}
}

// takeCalls listens for what Kannel calls.
func takeCalls(t *testing.T) (hook string, calls <-chan channels.Callback) {
	t.Helper()
	kept := make(chan channels.Callback, 64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ref := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		body, _ := io.ReadAll(r.Body)
		if ref == "inbound" {
			ref = ""
			answerInbound(w, r.Header, body)
		}
		kept <- channels.Callback{Method: r.Method, URL: r.URL, Ref: ref, Header: r.Header, Body: body}
	}))
	t.Cleanup(server.Close)
	return server.URL, kept
}

// answerInbound answers whoever leaves, as the http role does.
func answerInbound(w http.ResponseWriter, h http.Header, body []byte) {
	if text, _ := decoded(h.Get("Content-Type"), body); channels.WishOf(text) == channels.OptOut {
		contentType, reply := (&sender{}).Reply(channels.Inbound{}, repliedText)
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(reply)
	}
}

// awaitDelivered reads reports until one says that the message was delivered.
func awaitDelivered(t *testing.T, s *sender, calls <-chan channels.Callback) {
	t.Helper()
	awaitReport(t, s, calls, channels.ReceiptDelivered)
}

// awaitReport reads reports until one has the state given.
func awaitReport(t *testing.T, s *sender, calls <-chan channels.Callback, state channels.ReceiptState) channels.Receipt {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case c := <-calls:
			heard, err := s.ParseCallback(c)
			if err != nil || !strings.HasPrefix(c.URL.EscapedPath(), "/a%20b/") {
				t.Fatalf("a call of Kannel's at %s: %v", c.URL.EscapedPath(), err)
			}
			if heard.Receipts[0].State == state {
				return heard.Receipts[0]
			}
		case <-deadline:
			t.Fatalf("no report says that the message was %s", state)
		}
	}
}

// received is what the link gets next: sender, receiver, kind and text, in a line.
func received(t *testing.T, g *gateway, link *bufio.Reader) string {
	t.Helper()
	if err := g.smsc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	line, err := link.ReadString('\n')
	if err != nil {
		t.Fatalf("the link got %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// units decodes a line with a text in UCS-2. Parts are sent as "udh", with a header of six octets.
func units(t *testing.T, line string) string {
	t.Helper()
	fields := strings.Fields(line)
	text, err := url.QueryUnescape(fields[len(fields)-1])
	if err != nil || len(text)%2 != 0 {
		t.Fatalf("the link got %q, %s: %v", line, hex.EncodeToString([]byte(text)), err)
	}
	var all []uint16
	for i := 0; i < len(text); i += 2 {
		all = append(all, uint16(text[i])<<8|uint16(text[i+1]))
	}
	return string(utf16.Decode(all))
}
