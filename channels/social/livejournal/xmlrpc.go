package livejournal

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
)

// member is a member of the one struct that a call has: a string or an int.
type member struct {
	name  string
	value any
}

// encode writes a call (http://xmlrpc.com/spec.md).
func encode(method string, members []member) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<methodCall><methodName>" + method + "</methodName><params><param><value><struct>")
	for _, m := range members {
		b.WriteString("<member><name>" + m.name + "</name><value>")
		switch v := m.value.(type) {
		case int:
			_, _ = fmt.Fprintf(&b, "<int>%d</int>", v)
		case string:
			b.WriteString("<string>")
			_ = xml.EscapeText(&b, []byte(v)) // a Buffer takes everything
			b.WriteString("</string>")
		}
		b.WriteString("</value></member>")
	}
	b.WriteString("</struct></value></param></params></methodCall>\n")
	return b.Bytes()
}

// response is an answer: a value, or a fault.
type response struct {
	XMLName xml.Name `xml:"methodResponse"`
	Values  []value  `xml:"params>param>value"`
	Fault   *value   `xml:"fault>value"`
}

// value is a value of any type; one without a type is a string.
type value struct {
	Int     *string  `xml:"int"`
	I4      *string  `xml:"i4"`
	String  *string  `xml:"string"`
	Base64  *string  `xml:"base64"`
	Members []named  `xml:"struct>member"`
	Items   *[]value `xml:"array>data>value"`
	Bare    string   `xml:",chardata"`
}

type named struct {
	Name  string `xml:"name"`
	Value value  `xml:"value"`
}

// member is a member of a struct, an empty value if it has none of that name.
func (v value) member(name string) value {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return value{}
}

// text is a scalar as text. Texts that aren't ASCII come as base64.
func (v value) text() string {
	switch {
	case v.String != nil:
		return *v.String
	case v.Base64 != nil:
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(*v.Base64), ""))
		if err != nil {
			return ""
		}
		return string(b)
	case v.Int != nil:
		return strings.TrimSpace(*v.Int)
	case v.I4 != nil:
		return strings.TrimSpace(*v.I4)
	}
	return strings.TrimSpace(v.Bare)
}

// items are the values of an array.
func (v value) items() []value {
	if v.Items == nil {
		return nil
	}
	return *v.Items
}
