package twilio

import (
	"bytes"
	"encoding/xml"

	"github.com/tocsin-dev/tocsin/channels"
)

// Reply implements [channels.Replier] by the TwiML that an incoming message is answered with ("TwiML for
// Programmable Messaging", Message): the text goes to who wrote, from the number that was written to.
// Words that Twilio itself knows it has answered by then, and blocked the number: that is not asked of it
// again.
func (*sender) Reply(_ channels.Inbound, text string) (contentType string, body []byte) {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<Response><Message>")
	_ = xml.EscapeText(&b, []byte(text)) // a bytes.Buffer doesn't fail
	b.WriteString("</Message></Response>")
	return "text/xml; charset=utf-8", b.Bytes()
}

var _ channels.Replier = (*sender)(nil)
