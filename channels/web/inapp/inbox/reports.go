package inbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tocsin-dev/tocsin/channels"
)

// report is what became of a notice.
type report struct {
	Ref   string                `json:"ref"`
	ID    string                `json:"id"`
	State channels.ReceiptState `json:"state"`
	At    time.Time             `json:"at"`
}

const (
	// reportFor is how long a report is tried.
	reportFor     = 24 * time.Hour
	reportTimeout = 10 * time.Second
	reportsAtOnce = 16
	// lookEvery is how often is looked for reports that are due again.
	lookEvery = 5 * time.Second
	// slowest is the longest time between two tries.
	slowest = 10 * time.Minute
)

// addReport keeps a report until it is taken.
func addReport(ctx context.Context, tx *sql.Tx, callback string, r report, now time.Time) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO reports (callback, body, made, due) VALUES (?, ?, ?, ?)`, callback, string(body), now.Unix(), now.Unix())
	return err
}

// due is a report that is to be posted now.
type due struct {
	id             int64
	callback, body string
	tries          int
}

func (s *store) due(ctx context.Context, now time.Time) (all []due, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, callback, body, tries FROM reports WHERE due <= ? ORDER BY due, id LIMIT 256`, now.Unix())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d due
		if err := rows.Scan(&d.id, &d.callback, &d.body, &d.tries); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

func (s *store) posted(ctx context.Context, d due) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM reports WHERE id = ?`, d.id)
	return err
}

func (s *store) postpone(ctx context.Context, d due, now time.Time) error {
	wait := min(time.Second<<min(d.tries, 20), slowest)
	_, err := s.db.ExecContext(ctx, `UPDATE reports SET tries = tries + 1, due = ? WHERE id = ?`, now.Add(wait).Unix(), d.id)
	return err
}

// post posts reports when they are due.
func (s *Server) post(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		all, err := s.store.due(ctx, s.Now())
		if err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "reports can't be read", "error", err)
		}
		g := new(errgroup.Group)
		g.SetLimit(reportsAtOnce)
		for _, d := range all {
			g.Go(func() error { return s.postOne(ctx, d) })
		}
		if err := g.Wait(); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "a report can't be noted as posted", "error", err)
		}
		if len(all) > 0 && err == nil {
			continue // there may be more; those that failed are due later
		}
		select {
		case <-tick.C:
		case <-s.reports:
		case <-ctx.Done():
			return nil
		}
	}
}

// postOne posts a report. One that can't be read there is dropped: it never will be. Whatever else is wrong,
// a key or a clock too, may be put right within the day.
func (s *Server) postOne(ctx context.Context, d due) error {
	status := s.call(ctx, d)
	switch {
	case ctx.Err() != nil:
		return nil
	case status >= 200 && status < 300:
		return s.store.posted(ctx, d)
	case status == http.StatusBadRequest, status == http.StatusGone, status == http.StatusUnprocessableEntity:
		s.Log.WarnContext(ctx, "a report was refused", "status", status)
		return s.store.posted(ctx, d)
	}
	return s.store.postpone(ctx, d, s.Now())
}

// call makes the request, and returns the answer's status, 0 if there was none.
func (s *Server) call(ctx context.Context, d due) int {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.callback, bytes.NewReader([]byte(d.body)))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Tocsin-Inbox-Signature", signature(s.Key, s.Now(), d.body))
	resp, err := s.Client.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, largestBody))
	_ = resp.Body.Close()
	return resp.StatusCode
}

func signature(key channels.Secret, now time.Time, body string) string {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(at + "." + body))
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
