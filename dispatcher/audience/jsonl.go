package audience

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// decodeJSON reads one line of JSONL.
func decodeJSON(text []byte, into *Recipient) *Fault {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		// The line must hold nothing more.
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	fault := jsonFault(err)
	return &fault
}

// jsonFault says what was wrong without repeating any of the line's values.
func jsonFault(err error) Fault {
	if errors.Is(err, errAddresses) {
		return Fault{"addresses", "is not an object from channel to address"}
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return Fault{wrong.Field, "is of the wrong type: a JSON " + wrong.Value}
	}
	if name, ok := unknownField(err); ok {
		return Fault{name, "is not a field of a recipient"}
	}
	return Fault{"line", "is not one JSON object"}
}

// unknownField returns the name in encoding/json's error for an unknown field, which has no type of
// its own.
func unknownField(err error) (string, bool) {
	if err == nil {
		return "", false
	}
	quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field ")
	if !ok {
		return "", false
	}
	name, err := strconv.Unquote(quoted)
	if err != nil || !isCode(strings.ToLower(name)) {
		return "line", true
	}
	return name, true
}
