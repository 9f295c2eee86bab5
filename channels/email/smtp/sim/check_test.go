package sim

import (
	"strings"
	"testing"
)

const (
	recipient = "ana@example.com"
	fields    = "From: <notices@example.com>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\nTo: ana@example.com\n" +
		"Subject: Card payments\nDate: Sun, 22 Nov 2026 12:05:09 +0000\nMessage-ID: <x@example.com>\n"
	single      = fields + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n=C4=83 is down=\n.\n"
	alternative = fields + "Content-Type: multipart/alternative;\n boundary=\"=_b\"\n\n--=_b\n" +
		"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nRG93bi4=\n--=_b\n" +
		"Content-Type: text/html; charset=utf-8\n\n<p>Down.</p>\n--=_b--\n"
)

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name, message string
		eightBit      bool
		text, fault   string // one of the two
	}{
		{name: "quoted-printable", message: single, text: "ă is down.\r\n"},
		{name: "alternative with base64", message: alternative, text: "Down."},
		{name: "HTML first", message: strings.Replace(alternative, "text/plain", "text/html", 1), fault: "no text/plain part"},
		{name: "8bit, announced", message: fields + "Content-Type: text/plain; charset=utf-8\n\nă\n", eightBit: true, text: "ă\r\n"},
		{name: "8bit, not announced", message: fields + "Content-Type: text/plain; charset=utf-8\n\nă\n", fault: "8BITMIME"},
		{name: "long line", message: single + strings.Repeat("x", 999) + "\n", fault: "too long"},
		{name: "longest line", message: single + strings.Repeat("x", 998) + "\n", text: "ă is down.\r\n" + strings.Repeat("x", 998) + "\r\n"},
		{name: "bad quoted-printable", message: strings.Replace(single, "=C4", "\x01", 1), fault: "doesn't decode"},
		{name: "not UTF-8", message: strings.Replace(single, "=C4=83", "=C4", 1), fault: "UTF-8"},
		{name: "another charset", message: strings.Replace(single, "utf-8", "koi8-r", 1), fault: "UTF-8"},
		{name: "another encoding", message: strings.Replace(single, "quoted-printable", "rot13", 1), fault: "transfer encoding"},
		{name: "no Message-ID", message: strings.Replace(single, "Message-ID", "X-ID", 1), fault: "no message-id"},
		{name: "empty Message-ID", message: strings.Replace(single, "<x@example.com>", "x", 1), fault: "message-id"},
		{name: "no Date", message: strings.Replace(single, "Date", "X-Date", 1), fault: "no date"},
		{name: "bad Date", message: strings.Replace(single, "Sun, 22", "22", 1), fault: "date"},
		{name: "no From", message: strings.Replace(single, "From", "X-From", 1), fault: "no from"},
		{name: "no To", message: strings.Replace(single, "To:", "X-To:", 1), fault: "no to"},
		{name: "To two", message: strings.Replace(single, "To: ana@example.com", "To: ana@example.com, b@example.com", 1), fault: "to is not"},
		{name: "no Auto-Submitted", message: strings.Replace(single, "Auto-Submitted", "X-Auto", 1), fault: "no auto-submitted"},
		{name: "Auto-Submitted: no", message: strings.Replace(single, "auto-generated", "no", 1), fault: "auto-submitted"},
		{name: "one click", message: "List-Unsubscribe: <https://x.example/1>,\n <mailto:x@x.example>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" + single, text: "ă is down.\r\n"},
		{name: "one click without a link", message: "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n" + single, fault: "list-unsubscribe-post"},
		{name: "one click in the clear", message: "List-Unsubscribe: <http://x.example/1>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" + single, fault: "list-unsubscribe-post"},
		{name: "two clicks", message: "List-Unsubscribe: <https://x.example/1>\nList-Unsubscribe-Post: Two\n" + single, fault: "list-unsubscribe-post"},
		{name: "a field twice", message: "From: <b@example.com>\n" + single, fault: "twice"},
		{name: "a field outside ASCII", message: strings.Replace(single, "Card", "Ţară", 1), eightBit: true, fault: "outside ASCII"},
		{name: "no field", message: "hello\n" + single, fault: "no field"},
		{name: "no body", message: fields, fault: "no body"},
		{name: "multipart without parts", message: strings.ReplaceAll(alternative, "--=_b\n", "--=_c\n"), fault: "no text/plain"},
		{name: "multipart that isn't closed", message: strings.Replace(alternative, "--=_b--", "--=_b", 1), fault: "isn't closed"},
		{name: "another content", message: strings.Replace(single, "text/plain", "application/pdf", 1), fault: "neither"},
		{name: "empty", message: "", fault: "no body"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := newChecker().check([]byte(strings.ReplaceAll(tt.message, "\n", "\r\n")), recipient, tt.eightBit)
			switch {
			case tt.fault == "" && (err != nil || text != tt.text):
				t.Errorf("check = %q, %v; want %q", text, err, tt.text)
			case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
				t.Errorf("check = %q, %v; want a fault like %q", text, err, tt.fault)
			}
		})
	}
}

func TestCheckLineEnds(t *testing.T) {
	good := strings.ReplaceAll(alternative, "\n", "\r\n")
	for name, message := range map[string]string{
		"a bare LF":   strings.Replace(good, "Down.</p>\r\n", "Down.</p>\n", 1),
		"a bare CR":   strings.Replace(good, "Down.</p>\r\n", "Down.</p>\rx\r\n", 1),
		"without its": strings.TrimSuffix(good, "\r\n"),
	} {
		if _, err := newChecker().check([]byte(message), recipient, false); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("check = %v, want a fault like %q", err, name)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{single, alternative, fields, ""} {
		f.Add([]byte(strings.ReplaceAll(s, "\n", "\r\n")))
	}
	c := newChecker()
	f.Fuzz(func(t *testing.T, message []byte) {
		first, err := c.check(message, recipient, true)
		second, again := newChecker().check(message, recipient, true)
		if first != second || (err == nil) != (again == nil) {
			t.Errorf("a used checker says %q, %v; a new one %q, %v", first, err, second, again)
		}
	})
}
