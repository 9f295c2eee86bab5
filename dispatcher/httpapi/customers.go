package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func formatOf(r *http.Request) (audience.Format, error) {
	f, err := audience.ParseFormat(r.URL.Query().Get("format"))
	if err != nil {
		return "", invalid("format is missing or unknown", "use ?format=csv or ?format=jsonl")
	}
	return f, nil
}

// importLine is one line of the answer to an import: what has happened so far, one line that was not
// taken, or how it ended.
type importLine struct {
	Progress *importProgress   `json:"progress,omitempty"`
	Reject   json.RawMessage   `json:"reject,omitempty"`
	Summary  *audience.Summary `json:"summary,omitempty"`
	// Error says, beside a summary, that the import was stopped and why.
	Error string `json:"error,omitempty"`
}

type importProgress struct {
	Bytes int64 `json:"bytes"`
	Lines int   `json:"lines"`
}

// importCustomers reads a directory file from the request's body while it answers line by line, so
// that a caller sees how far it is. What stops an import leaves in the directory what came before.
func (s *Server) importCustomers(w http.ResponseWriter, r *http.Request, _ *Token) error {
	format, err := formatOf(r)
	if err != nil {
		return err
	}
	unlimited(w)
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 is so anyway, and says that it can't be enabled
	w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	out := &importAnswer{buffered: bufio.NewWriterSize(w, 16<<10), control: http.NewResponseController(w)}
	sum, err := audience.Import(r.Context(), audience.Read(r.Body, format), s.Checker, s.Ledger, audience.ImportOptions{
		Rejects: out, Progress: out.progress,
	})
	if err == nil {
		err = s.Ledger.NoteImport(r.Context(), s.Clock.Now())
	}
	end := importLine{Summary: &sum}
	if err != nil {
		s.Log.WarnContext(r.Context(), "import stopped", "line", sum.Through, "error", err)
		end.Error = err.Error()
	}
	if err := out.end(end); err != nil {
		panic(http.ErrAbortHandler) // the caller has gone
	}
	// net/http doesn't get over a full-duplex body that is not read to its end: it would read the
	// connection's next request in two places at once. A caller who has seen the end hangs up.
	_, _ = io.Copy(io.Discard, r.Body)
	return nil
}

// importAnswer writes the lines of the answer to an import.
type importAnswer struct {
	buffered *bufio.Writer
	control  *http.ResponseController
}

// Write takes one reject, a line of JSON, as package audience writes them.
func (a *importAnswer) Write(reject []byte) (int, error) {
	err := a.line(importLine{Reject: bytes.TrimSpace(reject)})
	return len(reject), err
}

func (a *importAnswer) line(l importLine) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = a.buffered.Write(append(text, '\n'))
	return err
}

// progress also shows the rejects before it. An error is remembered by the writer and returned by
// the next write.
func (a *importAnswer) progress(read int64, lines int) {
	_ = a.line(importLine{Progress: &importProgress{read, lines}})
	_ = a.flush()
}

func (a *importAnswer) end(l importLine) error {
	return errors.Join(a.line(l), a.flush())
}

func (a *importAnswer) flush() error {
	if err := a.buffered.Flush(); err != nil {
		return err
	}
	return a.control.Flush()
}

// exportCustomers answers the whole directory as a file that can be imported again.
func (s *Server) exportCustomers(w http.ResponseWriter, r *http.Request, _ *Token) error {
	format, err := formatOf(r)
	if err != nil {
		return err
	}
	var columns []string
	contentType := "application/jsonl; charset=utf-8"
	if format == audience.CSV {
		contentType = "text/csv; charset=utf-8; header=present"
		if columns, err = s.channelsUsed(r.Context()); err != nil {
			return fromLedger(err, "directory")
		}
	}
	attachment(w, contentType, "customers."+string(format))
	_, err = audience.Export(w, format, columns, s.Ledger.Recipients(r.Context()))
	return s.cutOff(r, err)
}

// channelsUsed lists the channels on which there are addresses, configured or not: they become the
// columns of a CSV.
func (s *Server) channelsUsed(ctx context.Context) ([]string, error) {
	var used []string
	for r, err := range s.Ledger.Recipients(ctx) {
		if err != nil {
			return nil, err
		}
		for _, a := range r.Addresses {
			if !slices.Contains(used, a.Channel) {
				used = append(used, a.Channel)
			}
		}
	}
	return used, nil
}

func (s *Server) countCustomers(w http.ResponseWriter, r *http.Request, _ *Token) error {
	n, err := s.Ledger.CountRecipients(r.Context())
	if err != nil {
		return fromLedger(err, "directory")
	}
	return answer(w, http.StatusOK, countBody{n})
}

type countBody struct {
	Customers int64 `json:"customers"`
}

func (s *Server) customer(w http.ResponseWriter, r *http.Request, _ *Token) error {
	id := r.PathValue("id")
	if isAccount(id) {
		return fromLedger(ledger.ErrNotFound, "customer")
	}
	one, err := s.Ledger.Recipient(r.Context(), id)
	if err != nil {
		return fromLedger(err, "customer")
	}
	return answer(w, http.StatusOK, one)
}

// isAccount tells public accounts from customers: those are the configuration's business.
func isAccount(id string) bool { return strings.HasPrefix(id, audience.AccountPrefix) }

// deleteCustomer removes everything known of a customer but the id, to which past reports refer.
func (s *Server) deleteCustomer(w http.ResponseWriter, r *http.Request, caller *Token) error {
	id := r.PathValue("id")
	if isAccount(id) {
		return fromLedger(ledger.ErrNotFound, "customer")
	}
	if err := s.Ledger.DeleteRecipient(r.Context(), id); err != nil {
		return fromLedger(err, "customer")
	}
	s.Log.InfoContext(r.Context(), "customer deleted", "by", caller.Name)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
