package channels

// Replier is a [CallbackParser] whose provider takes a reply to what a recipient wrote in the answer to
// its call: who asks for help or leaves can be told so at once, and nothing has to be sent.
type Replier interface {
	// Reply returns the body of the answer that has the provider send text to whoever wrote in, with its
	// Content-Type.
	Reply(in Inbound, text string) (contentType string, body []byte)
}
