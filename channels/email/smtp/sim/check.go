package sim

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
)

// maxLine is the longest line of a message, in octets without its CRLF (RFC 5321, section 4.5.3.1.6).
const maxLine = 998

// checker keeps the memory that checking a message takes, for the next one.
type checker struct {
	in  *bufio.Reader // for quotedprintable, which else makes one of its own
	out bytes.Buffer
}

func newChecker() *checker { return &checker{in: bufio.NewReader(nil)} }

func faulty(what string) *smtp.SMTPError { return reply(554, 5, 6, 0, "Faulty message: "+what) }

// check returns the text/plain part of a message, decoded, or says what is wrong with the message:
//
//   - a line that ends in anything but CRLF, or longer than 998 octets (RFC 5321, 2.3.8 and 4.5.3.1.6)
//   - octets above 127 without BODY=8BITMIME (RFC 6152), or anywhere in the header (RFC 5322, 2.2)
//   - no Message-ID, Date, From, To or Subject, one of them twice, or a Date that can't be read
//   - an Auto-Submitted field other than auto-generated (RFC 3834, 5)
//   - a To field other than the envelope's one recipient
//   - no text/plain part, one that doesn't decode, or one that isn't UTF-8
//
// It looks at every octet a fixed number of times: the relay is load-tested.
func (c *checker) check(message []byte, to string, eightBit bool) (string, error) {
	ascii, fault := checkLines(message)
	if fault == "" && !ascii && !eightBit {
		fault = "octets above 127 without BODY=8BITMIME"
	}
	if fault != "" {
		return "", faulty(fault)
	}
	head, _, ok := bytes.Cut(message, []byte("\r\n\r\n"))
	if !ok {
		return "", faulty("no body")
	}
	h, fault := parseHeader(head)
	if fault == "" {
		fault = h.fault(to)
	}
	if fault != "" {
		return "", faulty(fault)
	}
	text, fault := c.plainText(h, message[len(head)+2:])
	if fault != "" {
		return "", faulty(fault)
	}
	return text, nil
}

// checkLines checks the form of all lines, and reports whether they are all ASCII.
func checkLines(message []byte) (ascii bool, fault string) {
	ascii = true
	length := 0
	for i, c := range message {
		switch {
		case c == '\n':
			if i == 0 || message[i-1] != '\r' {
				return ascii, "a bare LF"
			}
			if length-1 > maxLine {
				return ascii, "a line that is too long"
			}
			length = 0
			continue
		case i > 0 && message[i-1] == '\r':
			return ascii, "a bare CR"
		case c >= utf8.RuneSelf:
			ascii = false
		}
		length++
	}
	if length > 0 {
		return ascii, "a last line without its end"
	}
	return ascii, ""
}

// header has the fields of a message or a part, by their names in lower case, unfolded.
type header map[string]string

func parseHeader(head []byte) (header, string) {
	h := header{}
	last := ""
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			h[last] += string(line)
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			return nil, "a header line that is no field"
		}
		last = strings.ToLower(string(name))
		if _, twice := h[last]; twice {
			return nil, "the field " + last + " twice"
		}
		h[last] = strings.TrimSpace(string(value))
	}
	return h, ""
}

// fault says what is wrong with a message's header, "" if nothing is.
func (h header) fault(to string) string {
	for _, name := range []string{"message-id", "date", "from", "to", "subject", "auto-submitted", "mime-version"} {
		if h[name] == "" {
			return "no " + name
		}
	}
	for name, value := range h {
		if strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return "letters outside ASCII in the field " + name
		}
	}
	id := h["message-id"]
	_, err := time.Parse("Mon, 02 Jan 2006 15:04:05 -0700", h["date"])
	switch {
	case err != nil:
		return "a date that can't be read"
	case len(id) < 5 || id[0] != '<' || id[len(id)-1] != '>' || strings.Count(id, "@") != 1:
		return "a message-id that is none"
	case h["auto-submitted"] != "auto-generated":
		return "auto-submitted is not auto-generated"
	case h["list-unsubscribe-post"] != "" && !h.oneClick():
		return "a list-unsubscribe-post that is no one-click link's"
	case h["to"] != to && h["to"] != "<"+to+">":
		return "to is not the recipient"
	}
	return ""
}

// oneClick reports whether the fields are as RFC 8058, section 3.1, has them: one https URI, and its
// one value.
func (h header) oneClick() bool {
	return h["list-unsubscribe-post"] == "List-Unsubscribe=One-Click" && strings.Count(h["list-unsubscribe"], "<https:") == 1 &&
		!strings.Contains(h["list-unsubscribe"], "<http:")
}

// plainText finds and decodes the text/plain part: the whole body, or the first such part of a
// multipart/alternative. body begins with the empty line after the header.
func (c *checker) plainText(h header, body []byte) (text, fault string) {
	kind, params, err := mime.ParseMediaType(h["content-type"])
	if err != nil {
		return "", "a content-type that can't be read"
	}
	switch kind {
	case "text/plain":
		return c.decode(h, params, body[2:])
	case "multipart/alternative":
		return c.firstPlain(params["boundary"], body)
	}
	return "", "neither text/plain nor multipart/alternative"
}

// firstPlain goes through the parts of a multipart body (RFC 2046, section 5.1.1), of which the last
// must be closed.
func (c *checker) firstPlain(boundary string, body []byte) (text, fault string) {
	delimiter := []byte("\r\n--" + boundary)
	_, rest, ok := bytes.Cut(body, delimiter)
	if !ok || boundary == "" {
		return "", "a multipart without parts"
	}
	if !bytes.Contains(body, append(bytes.Clone(delimiter), "--\r\n"...)) {
		return "", "a multipart that isn't closed"
	}
	for !bytes.HasPrefix(rest, []byte("--")) {
		var part []byte
		part, rest, ok = bytes.Cut(rest, delimiter)
		head, content, split := bytes.Cut(bytes.TrimPrefix(part, []byte("\r\n")), []byte("\r\n\r\n"))
		if !ok || !split {
			return "", "a part without a header or an end"
		}
		h, fault := parseHeader(head)
		if fault != "" {
			return "", fault
		}
		if kind, params, err := mime.ParseMediaType(h["content-type"]); err == nil && kind == "text/plain" {
			return c.decode(h, params, content)
		}
	}
	return "", "no text/plain part"
}

// decode undoes a part's transfer encoding.
func (c *checker) decode(h header, params map[string]string, body []byte) (text, fault string) {
	if !strings.EqualFold(params["charset"], "utf-8") {
		return "", "a text that isn't UTF-8"
	}
	var r io.Reader = bytes.NewReader(body)
	switch strings.ToLower(h["content-transfer-encoding"]) {
	case "quoted-printable":
		c.in.Reset(r)
		r = quotedprintable.NewReader(c.in)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "", "7bit", "8bit":
	default:
		return "", "an unknown transfer encoding"
	}
	c.out.Reset()
	if _, err := c.out.ReadFrom(r); err != nil {
		return "", "a text that doesn't decode"
	}
	if !utf8.Valid(c.out.Bytes()) {
		return "", "a text that isn't UTF-8"
	}
	return c.out.String(), ""
}
