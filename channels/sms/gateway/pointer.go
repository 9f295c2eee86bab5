package gateway

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// pointer is a JSON Pointer (RFC 6901), taken apart. The empty one is the whole document.
type pointer []string

func parsePointer(s string) (pointer, error) {
	if s == "" {
		return pointer{}, nil
	}
	if s[0] != '/' {
		return nil, errors.New(`want a JSON pointer, which begins with "/": /messages/0/id`)
	}
	var p pointer
	for token := range strings.SplitSeq(s[1:], "/") {
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(token); strings.Contains(rest, "~") {
			return nil, errors.New("~ is written ~0 in a JSON pointer, and / is written ~1")
		}
		p = append(p, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
	}
	return p, nil
}

// find returns the value that a pointer names in a document.
func (p pointer) find(document any) (value any, found bool) {
	for _, token := range p {
		switch at := document.(type) {
		case map[string]any:
			if document, found = at[token]; !found {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(at) || strconv.Itoa(i) != token {
				return nil, false
			}
			document = at[i]
		default:
			return nil, false
		}
	}
	return document, true
}

// text is the value that a pointer names, as text: a string, a number as it is written, true or false;
// "" for anything else.
func (p pointer) text(document any) string {
	value, _ := p.find(document)
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
}
