package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// ImportCustomers sends a directory file and returns what became of it. While it runs, progress is
// called with the bytes and lines read, and what is wrong with lines that aren't taken is written to
// rejects, as audience.ImportOptions describes them; both may be nil. They are not called at the
// same time. If the import was stopped, the summary says how far it came.
func (c *Client) ImportCustomers(ctx context.Context, r io.Reader, format audience.Format,
	progress func(bytes int64, lines int), rejects io.Writer,
) (audience.Summary, error) {
	// io.NopCloser keeps the transport from closing the caller's file.
	resp, err := c.request(ctx, http.MethodPost, "/v1/customers/import?format="+string(format), "application/octet-stream", io.NopCloser(r))
	if err != nil {
		return audience.Summary{}, err
	}
	defer closeBody(resp)
	in := importReader{progress: progress, rejects: rejects}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		if err := in.line(lines.Bytes()); err != nil {
			return in.sum, err
		}
	}
	return in.end(lines.Err())
}

// importReader reads the answer to an import.
type importReader struct {
	progress func(int64, int)
	rejects  io.Writer
	sum      audience.Summary
	stopped  string
	ended    bool
}

func (in *importReader) line(text []byte) error {
	var l importLine
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("server: answer to the import: %w", err)
	}
	switch {
	case l.Summary != nil:
		in.sum, in.stopped, in.ended = *l.Summary, l.Error, true
	case l.Progress != nil && in.progress != nil:
		in.progress(l.Progress.Bytes, l.Progress.Lines)
	case l.Reject != nil && in.rejects != nil:
		if _, err := in.rejects.Write(append(l.Reject, '\n')); err != nil {
			return fmt.Errorf("writing rejects: %w", err)
		}
	}
	return nil
}

func (in *importReader) end(err error) (audience.Summary, error) {
	switch {
	case err != nil:
		return in.sum, fmt.Errorf("server: answer to the import: %w", err)
	case !in.ended:
		return in.sum, fmt.Errorf("server: answer to the import: %w", io.ErrUnexpectedEOF)
	case in.stopped != "":
		return in.sum, errors.New(in.stopped)
	}
	return in.sum, nil
}

// ExportCustomers writes the whole directory to w, in a form that can be imported again.
func (c *Client) ExportCustomers(ctx context.Context, w io.Writer, format audience.Format) error {
	return c.copy(ctx, w, "/v1/customers/export?format="+string(format))
}

// maxEvent bounds a line of a stream, in bytes.
const maxEvent = 64 << 20

// Watch calls see with the incidents, at first and whenever something in them changes, until ctx
// ends or the stream does. It returns ctx's error or that of the stream, io.ErrUnexpectedEOF if the
// server ended it.
func (c *Client) Watch(ctx context.Context, see func([]ledger.IncidentSummary)) error {
	resp, err := c.request(ctx, http.MethodGet, "/v1/events", "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // not read to its end: it has none
	err = readEvents(resp.Body, func(name string, data []byte) error {
		if name != "incidents" {
			return nil
		}
		var all []ledger.IncidentSummary
		if err := json.Unmarshal(data, &all); err != nil {
			return err
		}
		see(all)
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("server: events: %w", err)
}

// readEvents reads server-sent events (WHATWG HTML, section 9.2.6) until the stream ends. Of the
// fields it reads event and data.
func readEvents(r io.Reader, handle func(name string, data []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	var name string
	var data []byte
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if data != nil {
				if err := handle(name, bytes.TrimSuffix(data, []byte("\n"))); err != nil {
					return err
				}
			}
			name, data = "", nil
		case field == "event":
			name = value
		case field == "data":
			data = append(append(data, value...), '\n')
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
