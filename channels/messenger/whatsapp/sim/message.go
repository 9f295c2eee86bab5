package sim

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// TemplateName is the approved template: one parameter in its body, in en, ro and ru.
const TemplateName = "outage_notice"

// fixed is how many characters the template says itself.
const fixed = 40

// message is every field of a request that sends a text or a template.
type message struct {
	Product       string    `json:"messaging_product"`
	RecipientType string    `json:"recipient_type"`
	To            string    `json:"to"`
	Type          string    `json:"type"`
	Data          string    `json:"biz_opaque_callback_data"`
	Context       *struct{} `json:"context"`
	Text          *struct {
		Body       string `json:"body"`
		PreviewURL bool   `json:"preview_url"`
	} `json:"text"`
	Template *template `json:"template"`
}

type template struct {
	Name     string `json:"name"`
	Language struct {
		Policy string `json:"policy"`
		Code   string `json:"code"`
	} `json:"language"`
	Components []component `json:"components"`
}

type component struct {
	Type       string      `json:"type"`
	SubType    string      `json:"sub_type"`
	Index      string      `json:"index"`
	Parameters []parameter `json:"parameters"`
}

type parameter struct {
	Type string `json:"type"`
	Text string `json:"text"`
	Name string `json:"parameter_name"`
}

// problem is what the API finds wrong; its code is 0 if nothing.
type problem struct {
	status, code int
	text         string
}

func refused(code int, text string) problem { return problem{http.StatusBadRequest, code, text} }

func (m *message) check() problem {
	switch {
	case m.Product != "whatsapp":
		return refused(100, "(#100) The parameter messaging_product is required.")
	case m.RecipientType != "" && m.RecipientType != "individual":
		return refused(131009, "(#131009) Parameter value is not valid")
	case len(digits(m.To)) < 7:
		return refused(131009, "(#131009) Parameter value is not valid")
	case len(m.Data) > 512:
		return refused(100, "(#100) Param biz_opaque_callback_data must be at most 512 characters long.")
	case m.Type == "template" && m.Template != nil && m.Text == nil:
		return m.Template.check()
	case m.Type == "text" && m.Text != nil && m.Template == nil:
		return m.checkText()
	}
	return refused(131008, "(#131008) Required parameter is missing")
}

func (m *message) checkText() problem {
	if n := utf8.RuneCountInString(m.Text.Body); n == 0 || n > 4096 {
		return refused(100, "(#100) Param text['body'] must be at most 4096 characters long.")
	}
	return problem{}
}

func (t *template) check() problem {
	if t.Language.Policy != "" && t.Language.Policy != "deterministic" {
		return refused(100, "(#100) Param template['language']['policy'] must be one of {DETERMINISTIC}")
	}
	if t.Name != TemplateName || !strings.Contains(" en ro ru ", " "+t.Language.Code+" ") || t.Language.Code == "" {
		return problem{http.StatusNotFound, 132001, "(#132001) Template name does not exist in the translation"}
	}
	if len(t.Components) != 1 || !strings.EqualFold(t.Components[0].Type, "body") || len(t.Components[0].Parameters) != 1 {
		return refused(132000, "(#132000) Number of parameters does not match the expected number of params")
	}
	return t.Components[0].Parameters[0].check()
}

func (p parameter) check() problem {
	switch {
	case p.Type != "text" || p.Name != "":
		return refused(132012, "(#132012) Parameter format does not match format in the created template")
	case p.Text == "":
		return refused(131008, "(#131008) Required parameter is missing")
	case strings.ContainsAny(p.Text, "\n\r\t") || strings.Contains(p.Text, "     "):
		return refused(132018, "(#132018) Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
	case utf8.RuneCountInString(p.Text)+fixed > 1024:
		return refused(132005, "(#132005) Translated text too long")
	}
	return problem{}
}

// said is the text that the recipient reads, but for what the template itself says.
func (m *message) said() string {
	if m.Type == "text" {
		return m.Text.Body
	}
	return m.Template.Components[0].Parameters[0].Text
}

// digits is a number as WhatsApp writes it: the plus and all punctuation dropped.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
}

// sent is the answer to a message that was taken.
func sent(to, id string) any {
	return map[string]any{
		"messaging_product": "whatsapp",
		"contacts":          []any{map[string]string{"input": to, "wa_id": digits(to)}},
		"messages":          []any{map[string]string{"id": id, "message_status": "accepted"}},
	}
}
