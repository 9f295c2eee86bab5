package audience

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// Format is a form of directory files. In all of them a line is a recipient, in UTF-8, and at most
// MaxLine bytes long. A byte order mark is tolerated, blank lines are skipped.
type Format string

// The formats.
const (
	// CSV is RFC 4180 with a header, separated by commas, or by semicolons where the header is.
	//
	//	id                              required column; all others are optional
	//	name, locale, zone              zone may be called timezone
	//	phone, email                    the addresses on channels sms and email
	//	address.<channel>               the address on any channel
	//	preferences, consents           channels, separated by ;
	//	services, regions, segments     codes, separated by ;
	//	value.<name>                    what texts may say of the customer: value.branch
	//
	// Columns come in any order; an unknown one is an error, since it is probably a misspelt one.
	// Quoted fields may not contain line breaks: no field of a recipient does, and so a quote that
	// is not closed spoils its own line only.
	CSV Format = "csv"
	// JSONL is one JSON object a line, a [Recipient] in its JSON form. Unknown fields are a fault.
	JSONL Format = "jsonl"
)

// ParseFormat returns the format of a name: "csv" or "jsonl".
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case CSV, JSONL:
		return f, nil
	}
	return "", fmt.Errorf("unknown directory format %q: one of csv, jsonl", name)
}

// MaxLine is the longest line that is read, in bytes, its line break included.
const MaxLine = 64 << 10

// Line is one line of a directory file: a recipient as it was written, not checked yet, or a fault.
type Line struct {
	// Number is the line's number in the file, from 1.
	Number int
	// Offset is the number of bytes up to the line's end.
	Offset int64
	// Raw is the line without its line break, nil if it was too long. It is valid until the next
	// line is asked for.
	Raw []byte
	// Recipient is what the line says, if Fault is nil.
	Recipient Recipient
	// Fault is why the line could not be read.
	Fault *Fault
}

// Read reads a directory file line by line, in constant memory. Lines that can't be read are passed
// on with their fault; an error (the file can't be read on, its header is wrong) ends the sequence,
// and its Line says where. The sequence can be used once.
func Read(r io.Reader, f Format) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		lines := newLineReader(r)
		decode, err := decoder(lines, f)
		if err != nil {
			yield(lines.line(), err)
			return
		}
		lines.each(decode, yield)
	}
}

// decode reads a recipient from the text of a line.
type decode func(text []byte, into *Recipient) *Fault

func decoder(lines *lineReader, f Format) (decode, error) {
	switch f {
	case CSV:
		return csvDecoder(lines)
	case JSONL:
		return decodeJSON, nil
	}
	_, err := ParseFormat(string(f))
	return nil, err
}

// Faults of whole lines.
var (
	errLineLong = errors.New("line is too long")
	faultLong   = Fault{"line", fmt.Sprintf("is longer than %d bytes", MaxLine)}
	faultUTF8   = Fault{"line", reasonUTF8}
)

// lineReader cuts a file into lines that are not blank.
type lineReader struct {
	r *bufio.Reader
	// blank are the characters that a line may consist of and still be blank.
	blank  string
	number int
	offset int64
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, MaxLine), blank: " \t"}
}

// line is where the reader is.
func (l *lineReader) line() Line { return Line{Number: l.number, Offset: l.offset} }

// each yields the decoded lines up to the end of the file, or up to an error.
func (l *lineReader) each(decode decode, yield func(Line, error) bool) {
	for {
		text, err := l.next()
		if errors.Is(err, io.EOF) {
			return
		}
		line := l.line()
		switch {
		case errors.Is(err, errLineLong):
			line.Fault = &faultLong
		case err != nil:
			yield(line, fmt.Errorf("reading line %d: %w", l.number, err))
			return
		case !utf8.Valid(text):
			line.Raw, line.Fault = text, &faultUTF8
		default:
			line.Raw, line.Fault = text, decode(text, &line.Recipient)
		}
		if !yield(line, nil) {
			return
		}
	}
}

// next returns the next line that is not blank, without its line break. The text is valid until the
// next call. A line that is too long is skipped, with errLineLong.
func (l *lineReader) next() ([]byte, error) {
	for {
		text, err := l.physical()
		if err != nil {
			return nil, err
		}
		if l.number == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if len(bytes.Trim(text, l.blank)) > 0 {
			return text, nil
		}
	}
}

func (l *lineReader) physical() ([]byte, error) {
	text, err := l.r.ReadSlice('\n')
	l.number++
	l.offset += int64(len(text))
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, l.skip()
	case err != nil && !(errors.Is(err, io.EOF) && len(text) > 0):
		return nil, err
	}
	return bytes.TrimRight(text, "\r\n"), nil
}

// skip passes over the rest of a line that is too long.
func (l *lineReader) skip() error {
	for {
		text, err := l.r.ReadSlice('\n')
		l.offset += int64(len(text))
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return errLineLong
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
