package twilio

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

func TestReply(t *testing.T) {
	const text = `Вы отписаны <bank> & "co"`
	contentType, body := (&sender{}).Reply(channels.Inbound{Address: "+37369000001"}, text)
	var twiml struct {
		XMLName xml.Name `xml:"Response"`
		Message []string
	}
	if err := xml.Unmarshal(body, &twiml); err != nil || len(twiml.Message) != 1 || twiml.Message[0] != text {
		t.Errorf("%s: %+v, %v", body, twiml, err)
	}
	if !strings.HasPrefix(contentType, "text/xml") || strings.Contains(string(body), "+373") {
		t.Errorf("%s %s", contentType, body)
	}
}
