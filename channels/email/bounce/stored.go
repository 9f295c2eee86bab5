package bounce

import "bytes"

// stored is a message as a mail system put it into a mailbox: of the envelope it keeps what it notes in
// the header (RFC 5321, section 4.4: Return-Path; see deliveredTo for the recipients).
func stored(message []byte) Mail {
	h, _ := parseHeader(bytes.ReplaceAll(message[:min(len(message), maxHeader)], []byte("\r\n"), []byte("\n")))
	from := bareAddress(h.get("From"))
	if h.has("Return-Path") {
		from = bareAddress(h.get("Return-Path"))
	}
	return Mail{From: from, Message: message}
}

// maxHeader bounds how far the envelope is looked for.
const maxHeader = 64 << 10
