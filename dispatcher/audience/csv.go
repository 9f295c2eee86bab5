package audience

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// csvDecoder reads the header and returns what reads the lines below it.
func csvDecoder(lines *lineReader) (decode, error) {
	text, err := lines.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("line 1: the file is empty, a header was expected")
	case err != nil:
		return nil, fmt.Errorf("reading the header in line %d: %w", lines.number, err)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("line %d: the header is not UTF-8: save the file as CSV in UTF-8", lines.number)
	}
	records := newRecordReader(delimiter(text))
	header, err := records.read(text)
	if err != nil {
		return nil, fmt.Errorf("line %d: the header is not CSV: %w", lines.number, err)
	}
	columns, err := columnsOf(header)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", lines.number, err)
	}
	// Spreadsheets end files with rows of empty cells.
	lines.blank = " \t,;"
	return func(text []byte, into *Recipient) *Fault { return columns.decode(records, text, into) }, nil
}

// delimiter tells from the header what separates fields. No column's name contains either.
func delimiter(header []byte) rune {
	if bytes.Count(header, []byte(";")) > bytes.Count(header, []byte(",")) {
		return ';'
	}
	return ','
}

// recordReader reads single lines of CSV with one csv.Reader. The csv.Reader takes a whole line
// before it looks at it, and sees the end of its input behind each one, so that nothing it meets in a
// line can reach into the next.
type recordReader struct {
	line bytes.Reader
	csv  *csv.Reader
}

func newRecordReader(delimiter rune) *recordReader {
	r := &recordReader{}
	r.csv = csv.NewReader(&r.line)
	r.csv.Comma = delimiter
	r.csv.FieldsPerRecord = -1
	r.csv.TrimLeadingSpace = true
	r.csv.ReuseRecord = true
	return r
}

// read returns the fields of a line. The slice is valid until the next call.
func (r *recordReader) read(line []byte) ([]string, error) {
	r.line.Reset(line)
	record, err := r.csv.Read()
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, parse.Err
	}
	return record, err
}

// column puts one cell into a recipient.
type column func(r *Recipient, cell string)

type columns []column

func columnsOf(header []string) (columns, error) {
	var all columns
	var seen []string
	for _, cell := range header {
		name := canonicalColumn(cell)
		put := columnNamed(name)
		switch {
		case put == nil:
			return nil, fmt.Errorf("unknown column %q: the columns are id, name, locale, zone, phone, email, "+
				"address.<channel>, preferences, consents, services, regions, segments, value.<name>", cell)
		case slices.Contains(seen, name):
			return nil, fmt.Errorf("column %q occurs twice", cell)
		}
		all, seen = append(all, put), append(seen, name)
	}
	if !slices.Contains(seen, "id") {
		return nil, errors.New(`column "id" is missing`)
	}
	return all, nil
}

// canonicalColumn gives a column the same name however it is spelt.
func canonicalColumn(cell string) string {
	switch name := code(cell); name {
	case "timezone":
		return "zone"
	case "phone":
		return "address.sms"
	case "email":
		return "address.email"
	default:
		return name
	}
}

func columnNamed(name string) column {
	switch name {
	case "id":
		return func(r *Recipient, cell string) { r.ID = cell }
	case "name":
		return func(r *Recipient, cell string) { r.Name = cell }
	case "locale":
		return func(r *Recipient, cell string) { r.Locale = cell }
	case "zone":
		return func(r *Recipient, cell string) { r.Zone = cell }
	case "preferences":
		return func(r *Recipient, cell string) { r.Preferences = entries(cell) }
	case "consents":
		return func(r *Recipient, cell string) { r.Consents = entries(cell) }
	case "services":
		return func(r *Recipient, cell string) { r.Services = entries(cell) }
	case "regions":
		return func(r *Recipient, cell string) { r.Regions = entries(cell) }
	case "segments":
		return func(r *Recipient, cell string) { r.Segments = entries(cell) }
	}
	if put := valueColumn(name); put != nil {
		return put
	}
	return addressColumn(name)
}

func addressColumn(name string) column {
	channel, ok := strings.CutPrefix(name, "address.")
	if !ok || !isCode(channel) {
		return nil
	}
	return func(r *Recipient, cell string) {
		if cell != "" {
			r.Addresses = append(r.Addresses, Address{channel, cell})
		}
	}
}

// entries cuts a cell into the entries of a list.
func entries(cell string) []string {
	if cell == "" {
		return nil
	}
	return strings.Split(cell, ";")
}

func (c columns) decode(records *recordReader, text []byte, into *Recipient) *Fault {
	record, err := records.read(text)
	if err != nil {
		return &Fault{"line", "is not CSV: " + err.Error()}
	}
	if len(record) != len(c) {
		return &Fault{"line", fmt.Sprintf("has %d fields where the header has %d", len(record), len(c))}
	}
	for i, put := range c {
		put(into, record[i])
	}
	return nil
}
