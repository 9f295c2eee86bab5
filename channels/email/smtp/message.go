package smtp

import (
	"bytes"
	"encoding/base64"
	"mime/quotedprintable"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-dev/tocsin/channels"
)

// dateLayout is a date-time of RFC 5322, section 3.3.
const dateLayout = "Mon, 02 Jan 2006 15:04:05 -0700"

// letterhead is what all messages of a sender have in common.
type letterhead struct {
	fields string // the header fields that are the same in all messages
	domain string // of Message-IDs
	// unsubscribe is the configured URL at which recipients can leave, "" if there is none.
	unsubscribe string
	sender      func(ref string) string
}

func newLetterhead(c config) letterhead {
	var b strings.Builder
	b.WriteString("From: " + fold(c.from.String()) + "\r\n")
	if c.ReplyTo != "" {
		b.WriteString("Reply-To: " + fold(c.replyTo.String()) + "\r\n")
	}
	// RFC 3834, section 5: keeps vacation responders silent.
	b.WriteString("Auto-Submitted: auto-generated\r\n")
	b.WriteString("MIME-Version: 1.0\r\n")
	_, domain, _ := strings.Cut(c.from.Address, "@")
	return letterhead{fields: b.String(), domain: domain, unsubscribe: c.UnsubscribeURL, sender: envelopeSender(c)}
}

// envelopeSender says where a message's bounces go.
func envelopeSender(c config) func(ref string) string {
	if a := c.addresses(); a.Mailbox != "" || a.Domain != "" {
		return a.Sender
	}
	return func(string) string { return c.from.Address }
}

// write writes a message, without the dots that the wire asks for.
func (l *letterhead) write(b *bytes.Buffer, m channels.Message, to string, now time.Time) {
	b.WriteString(l.fields)
	l.writeUnsubscribe(b, m)
	b.WriteString("To: " + to + "\r\nSubject: ")
	writeSubject(b, m.Subject)
	b.WriteString("\r\nDate: ")
	b.Write(now.UTC().AppendFormat(b.AvailableBuffer(), dateLayout))
	b.WriteString("\r\nMessage-ID: <" + m.Ref + "@" + l.domain + ">\r\n")
	l.writeThread(b, m.Topic)
	if isLanguageTag(m.Locale) {
		b.WriteString("Content-Language: " + m.Locale + "\r\n")
	}
	writeBody(b, m)
	b.WriteString("\r\n")
}

// writeThread has mail programs show an incident's messages as one conversation: all are answers to the
// same message, which there never was (RFC 5322, section 3.6.4, allows for a parent that can't be found).
func (l *letterhead) writeThread(b *bytes.Buffer, topic string) {
	if !isTopic(topic) {
		return
	}
	root := "<" + topic + "@" + l.domain + ">\r\n"
	b.WriteString("In-Reply-To: " + root + "References: " + root)
}

// isTopic reports whether s is as channels.Message describes its Topic.
func isTopic(s string) bool {
	return len(s) == 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// writeBody writes the text alone, or text and HTML as multipart/alternative, the best last (RFC
// 2046, section 5.1.4). The boundary can't occur in a part, since quoted-printable has no "=_" (RFC
// 2045, section 6.7), and is different in each message, so that messages may contain one another.
func writeBody(b *bytes.Buffer, m channels.Message) {
	if m.HTML == "" {
		writePart(b, "plain", m.Text)
		return
	}
	boundary := "=_" + m.Ref
	b.WriteString("Content-Type: multipart/alternative;\r\n boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\n")
	writePart(b, "plain", m.Text)
	b.WriteString("\r\n--" + boundary + "\r\n")
	writePart(b, "html", m.HTML)
	b.WriteString("\r\n--" + boundary + "--")
}

func writePart(b *bytes.Buffer, subtype, text string) {
	b.WriteString("Content-Type: text/" + subtype + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	if strings.Contains(text, "\r") {
		// The encoder takes any LF after a CR for the other half of a CRLF, however far it is.
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	}
	w := quotedprintable.NewWriter(b)
	_, _ = w.Write([]byte(text)) // a bytes.Buffer doesn't fail
	_ = w.Close()
}

// finish makes of a message what goes over the wire (RFC 5321, section 4.5.2): the dot at the beginning of
// a line is doubled, and a line with a dot alone is the end. No message begins with a dot, since a header
// doesn't, and few lines do, so it looks before it copies.
func finish(b *bytes.Buffer) {
	if bytes.Contains(b.Bytes(), []byte("\n.")) {
		stuffed := bytes.ReplaceAll(b.Bytes(), []byte("\n."), []byte("\n.."))
		b.Reset()
		b.Write(stuffed)
	}
	b.WriteString(".\r\n")
}

// Subjects are encoded in words of at most 39 octets of text. As base64 that is 52, in its frame 64:
// with "Subject: " before it, a line stays below the 76 that RFC 2047, section 2, allows.
const (
	wordText   = 39
	plainLimit = 66
)

// writeSubject writes an unstructured field value: as it is where it fits on the line, else as
// encoded-words of RFC 2047, none of which splits a character.
func writeSubject(b *bytes.Buffer, s string) {
	s = cleanSubject(s)
	if len(s) <= plainLimit && isASCII(s) && !strings.Contains(s, "=?") {
		b.WriteString(s)
		return
	}
	for first := true; s != ""; first = false {
		if !first {
			b.WriteString("\r\n ")
		}
		n := prefix(s, wordText)
		b.WriteString("=?utf-8?b?")
		b.Write(base64.StdEncoding.AppendEncode(b.AvailableBuffer(), []byte(s[:n])))
		b.WriteString("?=")
		s = s[n:]
	}
}

// cleanSubject makes spaces of control characters, so that no subject can begin another field.
func cleanSubject(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// prefix is the length of the longest beginning of s within limit octets that ends between characters.
func prefix(s string, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	n := limit
	for n > limit-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// fold breaks a long field value between its encoded-words.
func fold(s string) string { return strings.ReplaceAll(s, "?= ", "?=\r\n ") }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isLanguageTag keeps anything but the characters of BCP 47 out of the header.
func isLanguageTag(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 35
}
