package sim

import (
	"strings"
	"unicode/utf8"
)

// TemplateName is the approved utility template: one parameter in its body, in en, ro and ru.
const TemplateName = "outage_notice"

// message is every field of a request that sends a text or a utility message.
type message struct {
	Recipient struct {
		ID string `json:"id"`
	} `json:"recipient"`
	Type             string `json:"messaging_type"`
	Tag              string `json:"tag"`
	NotificationType string `json:"notification_type"`
	Message          struct {
		Text     string    `json:"text"`
		Metadata string    `json:"metadata"`
		Template *template `json:"template"`
	} `json:"message"`
}

type template struct {
	Name     string `json:"name"`
	Language struct {
		Code string `json:"code"`
	} `json:"language"`
	Components []component `json:"components"`
}

type component struct {
	Type       string `json:"type"`
	Parameters []struct {
		Type string `json:"type"`
		Text string `json:"text"`
		Name string `json:"parameter_name"`
	} `json:"parameters"`
}

// problem is what the API finds wrong; its code is 0 if nothing.
type problem struct {
	code, subcode int
	text          string
}

func (m *message) check() problem {
	switch {
	case m.Recipient.ID == "":
		return problem{100, 0, "(#100) The parameter recipient is required"}
	case strings.Trim(m.Recipient.ID, "0123456789") != "":
		return problem{100, 2018001, "(#100) No matching user found"}
	case m.Type == "MESSAGE_TAG":
		return problem{100, 1893061, "(#100) This message tag is no longer supported"}
	case m.Type == "UPDATE" || m.Type == "RESPONSE":
		return problem{10, 2018278, "(#10) This message is sent outside of allowed window."}
	case m.Type != "UTILITY" || m.Message.Template == nil || m.Message.Text != "":
		return problem{100, 0, "(#100) Invalid parameter"}
	}
	return m.Message.Template.check()
}

func (t *template) check() problem {
	if t.Name != TemplateName || !strings.Contains(" en ro ru ", " "+t.Language.Code+" ") || t.Language.Code == "" {
		return problem{100, 0, "(#100) Template does not exist in this language"}
	}
	if len(t.Components) != 1 || t.Components[0].Type != "body" || len(t.Components[0].Parameters) != 1 {
		return problem{100, 0, "(#100) Number of parameters does not match"}
	}
	p := t.Components[0].Parameters[0]
	if p.Type != "text" || p.Name != "" || p.Text == "" || strings.ContainsAny(p.Text, "\n\r\t") || utf8.RuneCountInString(p.Text) > 1024 {
		return problem{100, 0, "(#100) Invalid parameter of the template"}
	}
	return problem{}
}
