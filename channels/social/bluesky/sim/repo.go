package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// repo is the records of all accounts, by their address.
type repo struct {
	mu      sync.Mutex
	records map[string]stored
}

type stored struct {
	CID   string          `json:"cid"`
	Value json.RawMessage `json:"value"`
}

func newRepo() *repo { return &repo{records: map[string]stored{}} }

// input is the body of putRecord.
type input struct {
	Repo       string          `json:"repo"`
	Collection string          `json:"collection"`
	Key        string          `json:"rkey"`
	Validate   *bool           `json:"validate"`
	Record     json.RawMessage `json:"record"`
	// SwapRecord is the version that must be there, null if there must be none; left out, any.
	SwapRecord json.RawMessage `json:"swapRecord"`
	SwapCommit *string         `json:"swapCommit"`
}

func (s *server) put(w http.ResponseWriter, u user, body []byte) {
	var in input
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil || dec.More() {
		refuse(w, http.StatusBadRequest, "InvalidRequest", "Input must be what com.atproto.repo.putRecord takes")
		return
	}
	if in.Repo != u.did && in.Repo != u.handle {
		refuse(w, http.StatusUnauthorized, "AuthenticationRequired", "Authentication Required")
		return
	}
	p, problem := readPost(in)
	if problem != "" {
		refuse(w, http.StatusBadRequest, "InvalidRequest", "Invalid app.bsky.feed.post record: "+problem)
		return
	}
	s.publish(w, u, in, p)
}

// publish writes a valid record.
func (s *server) publish(w http.ResponseWriter, u user, in input, p post) {
	s.repo.mu.Lock()
	defer s.repo.mu.Unlock()
	uri := "at://" + u.did + "/" + in.Collection + "/" + in.Key
	cid := cidOf(in.Record)
	was, exists := s.repo.records[uri]
	if swap := strings.Trim(string(in.SwapRecord), `"`); swap != "" && (exists != (swap != "null") || exists && was.CID != swap) {
		refuse(w, http.StatusBadRequest, "InvalidSwap", "Record was at "+was.CID)
		return
	}
	if was.CID != cid {
		fate := s.desk.Fate(u.handle)
		if fate.Dropped {
			panic(http.ErrAbortHandler)
		}
		fate = s.desk.TakeReply(u.handle, p.Text, p.Reply.root())
		if fate.Refused { // an account has no address that could be wrong: the post is
			refuse(w, http.StatusBadRequest, "InvalidRequest", "Invalid record")
			return
		}
		s.repo.records[uri] = stored{cid, in.Record}
		s.desk.Follow(u.handle, fate, nil)
		if fate.Unanswered {
			panic(http.ErrAbortHandler)
		}
	}
	write(w, http.StatusOK, map[string]any{"uri": uri, "cid": cid, "validationStatus": "valid"})
}

// cidOf is a content id as servers make them, though of JSON.
func cidOf(record []byte) string {
	sum := sha256.Sum256(record)
	return "bafyrei" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

// get answers anybody: posts are public. Yet whoever says who they are must be it.
func (s *server) get(w http.ResponseWriter, r *http.Request) {
	read := func(user) {
		q := r.URL.Query()
		for name := range q {
			switch name {
			case "repo", "collection", "rkey", "cid":
			default:
				refuse(w, http.StatusBadRequest, "InvalidRequest", "there is no parameter "+name)
				return
			}
		}
		uri := "at://" + q.Get("repo") + "/" + q.Get("collection") + "/" + q.Get("rkey")
		s.repo.mu.Lock()
		defer s.repo.mu.Unlock()
		record, ok := s.repo.records[uri]
		if !ok {
			refuse(w, http.StatusBadRequest, "RecordNotFound", "Could not locate record: "+uri)
			return
		}
		write(w, http.StatusOK, map[string]any{"uri": uri, "cid": record.CID, "value": record.Value})
	}
	if bearer(r) == "" {
		read(user{})
		return
	}
	s.asUser(w, r, read)
}
