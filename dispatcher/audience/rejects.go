package audience

import (
	"encoding/json"
	"io"
)

// rejects writes what is wrong with lines that an import does not take.
type rejects struct {
	to  *json.Encoder // nil discards
	raw bool
}

// reject is one line of the rejects' file.
type reject struct {
	Line int    `json:"line"`
	ID   string `json:"id,omitempty"`
	Fault
	Raw string `json:"raw,omitempty"`
}

func newRejects(w io.Writer, raw bool) rejects {
	if w == nil {
		return rejects{}
	}
	to := json.NewEncoder(w)
	to.SetEscapeHTML(false)
	return rejects{to, raw}
}

func (r rejects) write(line Line, faults []Fault) error {
	if r.to == nil {
		return nil
	}
	for _, f := range faults {
		one := reject{Line: line.Number, ID: knownID(line, faults), Fault: f}
		if r.raw {
			one.Raw = string(line.Raw)
		}
		if err := r.to.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

// knownID is the id of the line's recipient, "" if there is none to trust.
func knownID(line Line, faults []Fault) string {
	if line.Fault != nil {
		return ""
	}
	for _, f := range faults {
		if f.Field == "id" {
			return ""
		}
	}
	return line.Recipient.ID
}
