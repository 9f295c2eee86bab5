package sim

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// removal is the body of deleteRecord.
type removal struct {
	Repo       string  `json:"repo"`
	Collection string  `json:"collection"`
	Key        string  `json:"rkey"`
	SwapRecord *string `json:"swapRecord"`
	SwapCommit *string `json:"swapCommit"`
}

// remove deletes a record, or ensures that there is none.
func (s *server) remove(w http.ResponseWriter, u user, body []byte) {
	var in removal
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	switch err := dec.Decode(&in); {
	case err != nil || dec.More() || in.Repo == "" || in.Collection != "app.bsky.feed.post" || !tid.MatchString(in.Key) || in.SwapCommit != nil:
		refuse(w, http.StatusBadRequest, "InvalidRequest", "Input must be what com.atproto.repo.deleteRecord takes")
	case in.Repo != u.did && in.Repo != u.handle:
		refuse(w, http.StatusUnauthorized, "AuthenticationRequired", "Authentication Required")
	default:
		s.take(w, u, in)
	}
}

// take answers with the commit that a deletion makes, with none where there was nothing to delete.
func (s *server) take(w http.ResponseWriter, u user, in removal) {
	s.repo.mu.Lock()
	defer s.repo.mu.Unlock()
	uri := "at://" + u.did + "/" + in.Collection + "/" + in.Key
	was, exists := s.repo.records[uri]
	switch {
	case !exists:
		write(w, http.StatusOK, struct{}{})
	case in.SwapRecord != nil && *in.SwapRecord != was.CID:
		refuse(w, http.StatusBadRequest, "InvalidSwap", "Record was at "+was.CID)
	default:
		delete(s.repo.records, uri)
		s.desk.Recall(u.handle)
		write(w, http.StatusOK, map[string]any{"commit": map[string]string{"cid": cidOf([]byte("-" + uri)), "rev": in.Key}})
	}
}
