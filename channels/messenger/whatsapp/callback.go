package whatsapp

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/meta"
)

// notification is what is read of a callback. It may bring what was gathered of many entries.
type notification struct {
	Object string `json:"object"`
	Entry  []struct {
		Changes []struct {
			Field string `json:"field"`
			Value value  `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// value is a change to the field "messages".
type value struct {
	Metadata struct {
		PhoneNumberID string `json:"phone_number_id"`
	} `json:"metadata"`
	Statuses []status   `json:"statuses"`
	Messages []incoming `json:"messages"`
}

// status is what became of a message.
type status struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"` // seconds since 1970
	Data      string `json:"biz_opaque_callback_data"`
	Errors    []struct {
		Code int `json:"code"`
	} `json:"errors"`
}

// incoming is a message from a user. From is a number without plus; it is missing where the user
// writes under a name.
type incoming struct {
	From string `json:"from"`
	Text struct {
		Body string `json:"body"`
	} `json:"text"`
	Button struct {
		Text string `json:"text"`
	} `json:"button"`
	Interactive struct {
		Reply struct {
			Title string `json:"title"`
		} `json:"button_reply"`
	} `json:"interactive"`
}

// ParseCallback implements [channels.CallbackParser]. What is said of other numbers of the app, and of
// messages that others sent from this one, is left out.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	challenge, err := s.webhook.Open(c)
	if err != nil || challenge != "" {
		return channels.Heard{Answer: challenge}, err
	}
	return parse(c.Body, s.number)
}

func parse(body []byte, number string) (channels.Heard, error) {
	var n notification
	if err := json.Unmarshal(body, &n); err != nil || n.Object == "" {
		return channels.Heard{}, meta.Unreadable("no object")
	}
	var heard channels.Heard
	for _, entry := range n.Entry {
		for _, change := range entry.Changes {
			if change.Field == "messages" && change.Value.Metadata.PhoneNumberID == number {
				change.Value.hear(&heard)
			}
		}
	}
	return heard, nil
}

func (v *value) hear(heard *channels.Heard) {
	for i := range v.Statuses {
		if r, ok := v.Statuses[i].receipt(); ok {
			heard.Receipts = append(heard.Receipts, r)
		}
	}
	for i := range v.Messages {
		m := &v.Messages[i]
		if said := m.said(); m.From != "" && said != "" {
			heard.Inbound = append(heard.Inbound, channels.Inbound{Address: "+" + m.From, Text: said})
		}
	}
}

// said is what a user wrote, or the words on the button that was pressed; "" for pictures and the like.
func (m *incoming) said() string {
	switch {
	case m.Text.Body != "":
		return m.Text.Body
	case m.Button.Text != "":
		return m.Button.Text
	}
	return m.Interactive.Reply.Title
}

// receipt reads a status; false for one of a message that isn't ours, and for a status that says
// nothing of a delivery ("deleted").
func (s *status) receipt() (channels.Receipt, bool) {
	r := channels.Receipt{Ref: s.Data, ProviderID: s.ID, Code: s.Status, At: timeOf(s.Timestamp)}
	switch s.Status {
	case "sent":
		r.State = channels.ReceiptAccepted
	case "delivered":
		r.State = channels.ReceiptDelivered
	case "read", "played":
		r.State = channels.ReceiptRead
	case "failed":
		r.State = channels.ReceiptFailed
		if len(s.Errors) > 0 && s.Errors[0].Code != 0 {
			class, _ := classOf(s.Errors[0].Code, 0)
			r.Code, r.Dead = strconv.Itoa(s.Errors[0].Code), class == channels.InvalidAddress
		}
	default:
		return r, false
	}
	return r, r.Ref != ""
}

// lastTime is the first second of 2100; what is beyond it was no time.
const lastTime = 4102444800

func timeOf(timestamp string) time.Time {
	n, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || n <= 0 || n >= lastTime {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
