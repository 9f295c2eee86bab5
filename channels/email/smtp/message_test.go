package smtp

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

const testRef = "018f2b7e-0001-9c41d07e5b2a"

// rendered returns a message as it goes over the wire.
func rendered(t testing.TB, config string, m channels.Message) string {
	t.Helper()
	l := newLetterhead(mustConfig(t, config))
	var b bytes.Buffer
	l.write(&b, m, m.Address, time.Date(2026, 11, 22, 14, 5, 9, 0, time.FixedZone("EET", 2*60*60)))
	finish(&b)
	return b.String()
}

func TestMessageOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name, config, want string
		message            channels.Message
	}{
		{
			name: "text and HTML in Romanian",
			config: "host: relay.example.com\nfrom: Banca Țării <notices@Example.com>\nreply_to: help@example.com\n" +
				"unsubscribe_url: https://example.com/notices\n",
			message: channels.Message{
				Ref: testRef, Address: "Ana@example.org", Locale: "ro", Topic: "0123456789abcdef0123456789abcdef",
				Subject: "Plățile cu cardul nu funcționează",
				Text:    "Ne cerem scuze.\n.\nRevenim la 14:30.\n",
				HTML:    "<p>Plățile = 0</p>",
			},
			want: `From: =?utf-8?q?Banca_=C8=9A=C4=83rii?=
 <notices@example.com>
Reply-To: <help@example.com>
Auto-Submitted: auto-generated
MIME-Version: 1.0
List-Unsubscribe: <https://example.com/notices>
To: Ana@example.org
Subject: =?utf-8?b?UGzEg8ibaWxlIGN1IGNhcmR1bCBudSBmdW5jyJtpb25lYXrEgw==?=
Date: Sun, 22 Nov 2026 12:05:09 +0000
Message-ID: <018f2b7e-0001-9c41d07e5b2a@example.com>
In-Reply-To: <0123456789abcdef0123456789abcdef@example.com>
References: <0123456789abcdef0123456789abcdef@example.com>
Content-Language: ro
Content-Type: multipart/alternative;
 boundary="=_018f2b7e-0001-9c41d07e5b2a"

--=_018f2b7e-0001-9c41d07e5b2a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Ne cerem scuze.
..
Revenim la 14:30.

--=_018f2b7e-0001-9c41d07e5b2a
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Pl=C4=83=C8=9Bile =3D 0</p>
--=_018f2b7e-0001-9c41d07e5b2a--
.
`,
		},
		{
			name:   "text alone",
			config: "host: relay.example.com\nfrom: notices@example.com\n",
			message: channels.Message{
				Ref: testRef, Address: "ana@example.org", Locale: "en\r\nBcc: x@example.com", Topic: "x\r\nBcc: x@example.com",
				Subject: "Card payments\r\nBcc: x@example.com", Text: "Down.",
			},
			want: `From: <notices@example.com>
Auto-Submitted: auto-generated
MIME-Version: 1.0
To: ana@example.org
Subject: Card payments  Bcc: x@example.com
Date: Sun, 22 Nov 2026 12:05:09 +0000
Message-ID: <018f2b7e-0001-9c41d07e5b2a@example.com>
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Down.
.
`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := rendered(t, tt.config, tt.message)
			if diff := cmp.Diff(strings.ReplaceAll(tt.want, "\n", "\r\n"), got); diff != "" {
				t.Errorf("message on the wire (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnsubscribe(t *testing.T) {
	const own = "https://tocsin.example.com/v1/unsubscribe/1-0-abc"
	for _, tt := range []struct{ name, config, link, want string }{
		{"neither", "", "", ""},
		{"a page for all", "unsubscribe_url: https://example.com/notices\n", "", "List-Unsubscribe: <https://example.com/notices>\n"},
		{"a link of its own", "", own, "List-Unsubscribe: <" + own + ">\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"},
		{"that link alone is https", "unsubscribe_url: https://example.com/notices\n", own,
			"List-Unsubscribe: <" + own + ">\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"},
		{"and the mailbox", "unsubscribe_url: mailto:leave@example.com\n", own,
			"List-Unsubscribe: <" + own + ">,\n <mailto:leave@example.com>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"},
		{"not by one click where nobody is sure who answers", "", "http://localhost/1", "List-Unsubscribe: <http://localhost/1>\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := channels.Message{Ref: testRef, Address: "ana@example.org", Subject: "Down", Text: "Down.", Unsubscribe: tt.link}
			got := rendered(t, "host: relay.example.com\nfrom: notices@example.com\n"+tt.config, m)
			_, got, _ = strings.Cut(got, "MIME-Version: 1.0\r\n")
			got, _, _ = strings.Cut(got, "To:")
			if want := strings.ReplaceAll(tt.want, "\n", "\r\n"); got != want {
				t.Errorf("fields %q, want %q", got, want)
			}
		})
	}
}

func TestEnvelopeSender(t *testing.T) {
	longRef := strings.Repeat("a", 64)
	for _, tt := range []struct{ name, more, ref, want string }{
		{"none configured", "", testRef, "notices@example.com"},
		{"subaddress", "bounce_address: bounces@Example.com\n", testRef, "bounces+" + testRef + "@example.com"},
		{"subaddress too long", "bounce_address: bounces@example.com\n", longRef, "bounces@example.com"},
		{"own domain", "bounce_domain: bounces.example.com\n", longRef, longRef + "@bounces.example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLetterhead(mustConfig(t, "host: relay.example.com\nfrom: notices@example.com\n"+tt.more))
			if got := l.sender(tt.ref); got != tt.want {
				t.Errorf("envelope sender = %q, want %q", got, tt.want)
			}
		})
	}
}

// read parses a message on the wire with the standard library.
func read(t testing.TB, wire string) (h netmail.Header, parts []string) {
	t.Helper()
	undotted, err := io.ReadAll(textproto.NewReader(bufio.NewReader(strings.NewReader(wire))).DotReader())
	if err != nil {
		t.Fatalf("undotting: %v", err)
	}
	m, err := netmail.ReadMessage(bytes.NewReader(undotted))
	if err != nil {
		t.Fatalf("reading the header: %v\n%s", err, wire)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "text/plain" {
		return m.Header, []string{decodeQP(t, m.Body)}
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return m.Header, parts
		}
		if err != nil {
			t.Fatalf("reading a part: %v\n%s", err, wire)
		}
		parts = append(parts, decodeQP(t, part))
	}
}

func decodeQP(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(quotedprintable.NewReader(r))
	if err != nil {
		t.Fatalf("quoted-printable: %v", err)
	}
	return string(b)
}

func TestMessageSurvivesTheWay(t *testing.T) {
	for name, m := range map[string]channels.Message{
		"ro": {Subject: "Lucrări planificate: internet banking indisponibil sâmbătă, 28 noiembrie, între 02:00 și 04:00", Text: "Stimată clientă,\nîntre 02:00 și 04:00 „internet banking” nu va fi disponibil.\n"},
		"ru": {Subject: "Оплата картой восстановлена: приносим извинения и возвращаем комиссию", Text: "Уважаемый клиент!\nОплата картой снова работает. Комиссию мы вернём до 25 ноября.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m.Ref, m.Address, m.Locale, m.HTML = testRef, "ana@example.org", name, "<p>"+m.Text+"</p>"
			mustSurvive(t, m)
		})
	}
}

// mustSurvive fails the test unless a message on the wire is well formed and says what it is to say.
func mustSurvive(t testing.TB, m channels.Message) {
	t.Helper()
	wire := rendered(t, "host: relay.example.com\nfrom: Банк <notices@example.com>\n", m)
	if !isASCII(wire) {
		t.Errorf("octets above 127 in %q", wire)
	}
	for line := range strings.SplitSeq(wire, "\r\n") {
		if len(line) > 100 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	if end := strings.Index(wire, "\r\n.\r\n"); end != len(wire)-len("\r\n.\r\n") {
		t.Errorf("the message ends early: %q", wire)
	}
	h, parts := read(t, wire)
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || strings.TrimSpace(subject) != strings.TrimSpace(cleanSubject(m.Subject)) {
		t.Errorf("Subject = %q, %v; want %q", subject, err, cleanSubject(m.Subject))
	}
	if len(h) > 11 {
		t.Errorf("%d header fields: %v", len(h), h)
	}
	want := []string{m.Text}
	if m.HTML != "" {
		want = append(want, m.HTML)
	}
	for i := range parts {
		if i >= len(want) || lines(parts[i]) != lines(want[i]) {
			t.Errorf("part %d = %q, want %q", i, parts[i], want)
		}
	}
	if len(parts) != len(want) {
		t.Errorf("%d parts, want %d", len(parts), len(want))
	}
}

// lines is a text with its line ends in one form, and without those at its end.
func lines(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.TrimRight(s, "\n")
}

func FuzzMessage(f *testing.F) {
	f.Add("Card payments", "Down.\n.\n..\nQUIT\r\n", "<p>.</p>")
	f.Add("Оплата картой", strings.Repeat("длинная строка ", 100), "")
	f.Add("=?utf-8?q?=0D=0ABcc:x?=", "a\rb\r\n\r\n=3D \t\n--=_018f2b7e-0001-9c41d07e5b2a--\n", "\x00=")
	f.Add(strings.Repeat("x", 2000), strings.Repeat("y", 2000), " .")
	f.Fuzz(func(t *testing.T, subject, text, html string) {
		mustSurvive(t, channels.Message{
			Ref: testRef, Address: "ana@example.org", Locale: "ru",
			Subject: strings.ToValidUTF8(subject, "?"), Text: strings.ToValidUTF8(text, "?"), HTML: strings.ToValidUTF8(html, "?"),
		})
	})
}
