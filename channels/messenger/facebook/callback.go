package facebook

import (
	"encoding/json"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/internal/meta"
)

// notification is what is read of a callback. It may bring what was gathered of many entries.
type notification struct {
	Object string `json:"object"`
	Entry  []struct {
		ID        string  `json:"id"` // the Page's
		Messaging []event `json:"messaging"`
	} `json:"entry"`
}

// event is one thing that happened in a conversation. It has one of Message, Postback and Delivery, or
// none, if it is of a sort that we don't ask for. Times are in milliseconds since 1970.
type event struct {
	Sender    person `json:"sender"`
	Timestamp int64  `json:"timestamp"`
	Message   *struct {
		Text string `json:"text"`
		Echo bool   `json:"is_echo"` // of what the Page itself sent
	} `json:"message"`
	Postback *struct {
		Title string `json:"title"`
	} `json:"postback"`
	Delivery *struct {
		MessageIDs []string `json:"mids"`
		Watermark  int64    `json:"watermark"`
	} `json:"delivery"`
}

type person struct {
	ID string `json:"id"`
}

// ParseCallback implements [channels.CallbackParser]. What is said of the app's other Pages is left out.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	challenge, err := s.webhook.Open(c)
	if err != nil || challenge != "" {
		return channels.Heard{Answer: challenge}, err
	}
	return parse(c.Body, s.pageID)
}

func parse(body []byte, page string) (channels.Heard, error) {
	var n notification
	if err := json.Unmarshal(body, &n); err != nil || n.Object == "" {
		return channels.Heard{}, meta.Unreadable("no object")
	}
	var heard channels.Heard
	for _, entry := range n.Entry {
		if n.Object != "page" || entry.ID != page {
			continue
		}
		for i := range entry.Messaging {
			entry.Messaging[i].hear(&heard)
		}
	}
	return heard, nil
}

func (e *event) hear(heard *channels.Heard) {
	if e.Delivery != nil {
		for _, id := range e.Delivery.MessageIDs {
			if id != "" {
				heard.Receipts = append(heard.Receipts, channels.Receipt{
					ProviderID: id, State: channels.ReceiptDelivered, Code: "delivered", At: e.time(),
				})
			}
		}
	}
	if said := e.said(); said != "" && e.Sender.ID != "" {
		heard.Inbound = append(heard.Inbound, channels.Inbound{Address: e.Sender.ID, Text: said})
	}
}

// said is what a person wrote, or the words on the button that was pressed.
func (e *event) said() string {
	switch {
	case e.Message != nil && !e.Message.Echo:
		return e.Message.Text
	case e.Postback != nil:
		return e.Postback.Title
	}
	return ""
}

// lastTime is the first millisecond of 2100; what is beyond it was no time.
const lastTime = 4102444800000

// time is when the event happened; deliveries may have the watermark only.
func (e *event) time() time.Time {
	at := e.Timestamp
	if at == 0 && e.Delivery != nil {
		at = e.Delivery.Watermark
	}
	if at <= 0 || at >= lastTime {
		return time.Time{}
	}
	return time.UnixMilli(at).UTC()
}
