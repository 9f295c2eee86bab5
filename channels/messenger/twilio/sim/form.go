package sim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
)

// check returns what the recipient will read, and the code of Twilio's complaint about a form, 0 if
// there is none.
func (p *provider) check(form url.Values) (text string, code int) {
	for name, values := range form {
		if !known(name) || len(values) != 1 {
			return "", 20001
		}
	}
	to, isTo := strings.CutPrefix(form.Get("To"), p.name+":")
	from, isFrom := strings.CutPrefix(form.Get("From"), p.name+":")
	switch {
	case form.Get("To") == "":
		return "", 21604
	case form.Get("From") == "":
		return "", 21603
	case isTo != isFrom: // of different channels
		return "", 21910
	case !isTo || !account.IsE164(to):
		return "", 21211
	case from != p.from:
		return "", 63007
	case form.Has("ValidityPeriod") && !isValidity(form.Get("ValidityPeriod")):
		return "", 21624
	case form.Has("StatusCallback") && !account.IsCallback(form.Get("StatusCallback")):
		return "", 21609
	case form.Has("ContentSid"):
		return p.content(form)
	case form.Get("Body") == "":
		return "", 21619
	case utf8.RuneCountInString(form.Get("Body")) > 1600:
		return "", 21617
	}
	return form.Get("Body"), 0
}

func known(parameter string) bool {
	switch parameter {
	case "To", "From", "Body", "ContentSid", "ContentVariables", "StatusCallback", "ValidityPeriod":
		return true
	}
	return false
}

// fixed is how many characters a template says itself.
const fixed = 40

// content returns what goes into the template's one variable.
func (p *provider) content(form url.Values) (text string, code int) {
	var variables map[string]string
	switch {
	case form.Has("Body"):
		return "", 20001
	case !slices.Contains(p.templates, form.Get("ContentSid")):
		return "", 21655
	case json.Unmarshal([]byte(form.Get("ContentVariables")), &variables) != nil, len(variables) != 1, variables["1"] == "":
		return "", 21656
	}
	text = variables["1"]
	switch {
	case strings.ContainsAny(text, "\n\r\t") || strings.Contains(text, "     "):
		return "", 21656
	case utf8.RuneCountInString(text)+fixed > 1024:
		return "", 63021
	}
	return text, 0
}

func isValidity(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 36000
}
