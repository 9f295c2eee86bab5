package sim

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// decode reads a call and the scalars of its struct.
func decode(body []byte) (method string, args map[string]string, err error) {
	var call struct {
		XMLName xml.Name `xml:"methodCall"`
		Method  string   `xml:"methodName"`
		Members []struct {
			Name  string `xml:"name"`
			Value struct {
				String *string `xml:"string"`
				Int    *string `xml:"int"`
			} `xml:"value"`
		} `xml:"params>param>value>struct>member"`
	}
	if err := xml.Unmarshal(body, &call); err != nil {
		return "", nil, err
	}
	args = map[string]string{}
	for _, m := range call.Members {
		switch _, twice := args[m.Name]; {
		case twice:
			return "", nil, errors.New("a member is there twice")
		case m.Value.String != nil:
			args[m.Name] = *m.Value.String
		case m.Value.Int != nil:
			args[m.Name] = *m.Value.Int
		default:
			return "", nil, errors.New("a member has no value")
		}
	}
	return call.Method, args, nil
}

func field(name, value string) string {
	return "<member><name>" + name + "</name><value>" + value + "</value></member>"
}

// text is a text as a value: base64 where it isn't ASCII.
func text(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r > 126 }) {
		return "<base64>" + base64.StdEncoding.EncodeToString([]byte(s)) + "</base64>"
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return "<string>" + b.String() + "</string>"
}

func answer(w http.ResponseWriter, value string) {
	respond(w, "<params><param><value>"+value+"</value></param></params>")
}

func fault(w http.ResponseWriter, code int, says string) {
	respond(w, "<fault><value><struct>"+field("faultCode", fmt.Sprintf("<int>%d</int>", code))+field("faultString", text(says))+"</struct></value></fault>")
}

func respond(w http.ResponseWriter, inner string) {
	w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
	_, _ = io.WriteString(w, xml.Header+"<methodResponse>"+inner+"</methodResponse>")
}
