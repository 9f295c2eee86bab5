package whatsapp

import (
	"encoding/json"
	"net/http"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/meta"
	"github.com/tocsin-dev/tocsin/channels/messenger"
)

// message is the body of a request to send. Data comes back with every status.
type message struct {
	Product       string    `json:"messaging_product"`
	RecipientType string    `json:"recipient_type"`
	To            string    `json:"to"`
	Type          string    `json:"type"`
	Template      *template `json:"template,omitempty"`
	Text          *text     `json:"text,omitempty"`
	Data          string    `json:"biz_opaque_callback_data"`
}

type template struct {
	Name       string                `json:"name"`
	Language   language              `json:"language"`
	Components []messenger.Component `json:"components"`
}

// language names the template's language. The only policy that there is means that the message is in
// this language or not at all.
type language struct {
	Policy string `json:"policy"`
	Code   string `json:"code"`
}

// text is a message outside of templates. A preview would have Meta's servers fetch a page from a site
// that may be the one that is down.
type text struct {
	PreviewURL bool   `json:"preview_url"`
	Body       string `json:"body"`
}

func (s *sender) message(m channels.Message) (message, error) {
	msg := message{Product: "whatsapp", RecipientType: "individual", To: m.Address, Data: m.Ref}
	if len(s.templates) == 0 {
		msg.Type, msg.Text = "text", &text{Body: m.Text}
		return msg, messenger.CheckLength(m.Text, maxText)
	}
	t, components, err := s.templates.Fill(m)
	if err != nil {
		return message{}, err
	}
	msg.Type = "template"
	msg.Template = &template{t.Name, language{"deterministic", t.Language}, components}
	return msg, nil
}

// readAck reads the answer to a request to send. A message that is held for a check of its template
// was taken, and is dropped later, with a status, if the check fails.
func readAck(a channels.Answer) (channels.Ack, error) {
	var r struct {
		Messages []struct {
			ID string `json:"id"`
		} `json:"messages"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &r) != nil || len(r.Messages) != 1 || r.Messages[0].ID == "" {
		return channels.Ack{}, meta.Failure(a, classOf)
	}
	return channels.Ack{ID: r.Messages[0].ID, Proof: channels.Accepted}, nil
}

// classOf says what the Cloud API's error codes mean for an attempt: those of the page "Error codes"
// that all of the Graph API doesn't have or means otherwise. Codes that aren't here, among them 131000
// (something went wrong), are left to their status.
//
// What is wrong with our account, number or payment is Auth: nothing goes out until somebody acts. So
// is 131048: too many recipients have reported the number, and it is lifted by Meta when it likes.
// What is wrong with a template is Rejected, since templates of other languages may be in order.
func classOf(code, _ int) (channels.Class, bool) {
	switch code {
	case 131026, // undeliverable: not on WhatsApp, old version, terms not accepted
		131021, // the recipient is the sender
		131030, // not in the list of allowed recipients (test numbers)
		130497: // the business may not write to people in that country
		return channels.InvalidAddress, true
	case 130472, // the number is part of an experiment: not sent
		131008, 131009, // a parameter is missing, or its value is invalid
		131047,         // more than 24 hours since the recipient wrote: a template is needed
		131049, 131050, // not delivered for the good of the platform; marketing messages stopped
		131051, 131052, 131053, // message type, media
		132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068, 132069, // template
		134011, 135000: // payments terms; parameters of the request
		return channels.Rejected, true
	case 33, // the number has been deleted
		131005,         // access denied
		131031,         // account locked
		131037, 131042, // display name not approved; payment
		131045, 133005, 133006, 133010, // the number is not registered
		131048: // restricted for spam
		return channels.Auth, true
	case 130429, // throughput reached
		131056, // too many messages to this recipient
		133016: // too many registrations
		return channels.RateLimited, true
	case 2, // out of order or overloaded
		131016, // service unavailable
		131057, // account in maintenance
		133004: // server temporarily unavailable
		return channels.Unavailable, true
	}
	return channels.Unknown, false
}
