package inbox

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// withdraw takes a notice back: from the customer's inbox, from the file, and off the pages that show it. Who is told
// that it is gone, by either answer, may tell others: so it doesn't come back with a loss of power.
func (s *Server) withdraw(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query) != 1 || len(query["ref"]) != 1 {
		refuse(w, http.StatusUnprocessableEntity, "ref")
		return
	}
	seq, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		refuse(w, http.StatusNotFound, "unknown_notice") // no notice has such an id
		return
	}
	customer, there, err := s.store.withdraw(r.Context(), seq, query.Get("ref"), s.Now())
	if there {
		s.hub.wake(customer)
	}
	if err == nil {
		err = s.store.outlast()
	}
	switch {
	case err != nil:
		s.fail(w, r, "a notice can't be withdrawn", err)
	case !there:
		refuse(w, http.StatusNotFound, "unknown_notice")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// toldFor is how long streams are told at least that a notice was withdrawn: a page may show it on a device that sleeps.
const toldFor = 7 * 24 * time.Hour

// withdraw empties a notice, and says whose it was; there is false where there is none of that ref, or it was withdrawn
// before.
func (s *store) withdraw(ctx context.Context, seq int64, ref string, now time.Time) (customer string, there bool, err error) {
	err = s.db.QueryRowContext(ctx, `UPDATE notices SET content = '{}', withdrawn = ?, expires = max(expires, ?)
		WHERE seq = ? AND ref = ? AND withdrawn = 0 RETURNING customer`, now.Unix(), now.Add(toldFor).Unix(), seq, ref).Scan(&customer)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return customer, err == nil, err
}

// withdrawn returns the numbers of a customer's notices up to the one numbered last that were withdrawn.
func (s *store) withdrawn(ctx context.Context, customer string, last int64) (all []int64, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT seq FROM notices WHERE customer = ? AND seq <= ? AND withdrawn > 0 ORDER BY seq`, customer, last)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		all = append(all, seq)
	}
	return all, rows.Err()
}

// withdrawalOf is the event that says so. It has no id, so that Last-Event-ID stays that of the newest notice.
func withdrawalOf(seq int64) string {
	return "event: withdrawn\ndata: {\"id\":\"" + strconv.FormatInt(seq, 10) + "\"}\n\n"
}
