package audience

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Export writes recipients as a directory file that [Read] reads back: imported again, recipients in
// normal form are the same. It returns how many it wrote. An error of rows ends it.
//
// Which addresses are dead is left out: an import doesn't decide that. Consents are those that hold; JSONL
// also says which were withdrawn, when and how, so that other systems can follow.
//
// CSV needs to know its columns beforehand: channels are those that may occur, in any order; an
// address on another one is an error. JSONL ignores them. For the columns of values CSV goes through the
// rows twice; a value that only the second time has is an error.
//
// The file is for programs. Cells are not defused for spreadsheets, which take one that begins with
// '=' for a formula: that would change what is read back.
func Export(w io.Writer, f Format, channels []string, rows iter.Seq2[Recipient, error]) (int, error) {
	buffered := bufio.NewWriter(w)
	n, err := export(buffered, f, channels, rows)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return n, fmt.Errorf("exporting recipients, after %d: %w", n, err)
	}
	return n, nil
}

func export(w io.Writer, f Format, channels []string, rows iter.Seq2[Recipient, error]) (int, error) {
	var values []string
	if f == CSV {
		var err error
		if values, err = valueNames(rows); err != nil {
			return 0, err
		}
	}
	write, flush, err := encoder(w, f, channels, values)
	if err != nil {
		return 0, err
	}
	n := 0
	for r, err := range rows {
		if err == nil {
			err = write(&r)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, flush()
}

// encoder returns what writes a recipient, and what writes the rest at the end.
func encoder(w io.Writer, f Format, channels, values []string) (write func(*Recipient) error, flush func() error, err error) {
	switch f {
	case CSV:
		e := csvEncoder{csv: csv.NewWriter(w), channels: exportOrder(channels), values: values}
		err := e.header()
		return e.write, e.flush, err
	case JSONL:
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return func(r *Recipient) error {
			r.Dead = nil
			return e.Encode(r)
		}, func() error { return nil }, nil
	}
	_, err = ParseFormat(string(f))
	return nil, nil, err
}

// valueNames lists the names of all values that occur, sorted.
func valueNames(rows iter.Seq2[Recipient, error]) ([]string, error) {
	names := map[string]bool{}
	for r, err := range rows {
		if err != nil {
			return nil, err
		}
		for name := range r.Values {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// exportOrder puts the channels in the order of their columns, each once.
func exportOrder(channels []string) []string {
	ordered := slices.Clone(channels)
	slices.Sort(ordered)
	return slices.Compact(ordered)
}

// csvEncoder writes CSV, its columns in the order of Recipient's fields.
type csvEncoder struct {
	csv      *csv.Writer
	channels []string
	values   []string // names
	record   []string
}

func (e *csvEncoder) header() error {
	header := []string{"id", "name", "locale", "zone"}
	for _, channel := range e.channels {
		header = append(header, columnOf(channel))
	}
	header = append(header, "preferences", "consents", "services", "regions", "segments")
	for _, name := range e.values {
		header = append(header, valuePrefix+name)
	}
	return e.csv.Write(header)
}

func columnOf(channel string) string {
	switch channel {
	case "sms":
		return "phone"
	case "email":
		return "email"
	}
	return "address." + channel
}

var errNotCSV = errors.New("it holds what a line of CSV can't: it was never checked")

func (e *csvEncoder) write(r *Recipient) error {
	for _, a := range r.Addresses {
		if !slices.Contains(e.channels, a.Channel) {
			return fmt.Errorf("recipient %q has an address on channel %q, which has no column", r.ID, a.Channel)
		}
	}
	for name := range r.Values {
		if !slices.Contains(e.values, name) {
			return fmt.Errorf("recipient %q has a value %s, which has no column: it was imported meanwhile", r.ID, name)
		}
	}
	e.record = append(e.record[:0], r.ID, r.Name, r.Locale, r.Zone)
	for _, channel := range e.channels {
		e.record = append(e.record, r.Address(channel))
	}
	lists := [][]string{r.Preferences, r.Consents, r.Services, r.Regions, r.Segments}
	for _, list := range lists {
		e.record = append(e.record, strings.Join(list, ";"))
	}
	for _, name := range e.values {
		e.record = append(e.record, r.Values[name])
	}
	if slices.ContainsFunc(e.record, breaksLine) || slices.ContainsFunc(slices.Concat(lists...), breaksList) {
		return fmt.Errorf("recipient %q: %w", r.ID, errNotCSV)
	}
	return e.csv.Write(e.record)
}

func breaksLine(field string) bool { return strings.ContainsAny(field, "\r\n") }

func breaksList(entry string) bool { return strings.Contains(entry, ";") }

func (e *csvEncoder) flush() error {
	e.csv.Flush()
	return e.csv.Error()
}
