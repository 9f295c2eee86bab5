package smtp

import (
	"bytes"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// writeUnsubscribe writes how the recipient can leave: by the message's own link, which mailbox providers
// offer as a button of theirs (RFC 8058), and by the configured mailbox beside it. The configured page is
// for messages without a link: RFC 8058, section 3.1, wants one https: URI and no second. A link that is
// not https: is no one-click link.
//
// A DKIM signature must cover both fields (RFC 8058, section 4), or receivers ignore them.
func (l *letterhead) writeUnsubscribe(b *bytes.Buffer, m channels.Message) {
	uris := make([]string, 0, 2)
	if m.Unsubscribe != "" {
		uris = append(uris, m.Unsubscribe)
	}
	if l.unsubscribe != "" && (m.Unsubscribe == "" || strings.HasPrefix(l.unsubscribe, "mailto:")) {
		uris = append(uris, l.unsubscribe)
	}
	if len(uris) == 0 {
		return
	}
	// Each on a line of its own: together they may be longer than a line should be.
	b.WriteString("List-Unsubscribe: <" + strings.Join(uris, ">,\r\n <") + ">\r\n")
	if strings.HasPrefix(m.Unsubscribe, "https:") {
		b.WriteString("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
	}
}
