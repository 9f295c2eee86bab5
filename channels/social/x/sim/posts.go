package sim

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"
)

// posts are all posts that were not deleted, oldest first.
type posts struct {
	mu   sync.Mutex
	all  []tweet
	made int64 // of all that ever were
}

type tweet struct {
	id, user, text string
	at             time.Time
}

// firstID makes ids as large as X's.
const firstID = 1445880548472328192

func newPosts() *posts { return &posts{} }

// input is every field of a post that the sandbox takes.
type input struct {
	Text          string `json:"text"`
	ReplySettings string `json:"reply_settings"`
	Reply         *struct {
		To           string   `json:"in_reply_to_tweet_id"`
		ExcludeUsers []string `json:"exclude_reply_user_ids"`
	} `json:"reply"`
}

func (s *server) post(w http.ResponseWriter, account string, body []byte) {
	var in input
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil || dec.More() {
		refuse(w, http.StatusBadRequest, "invalid-request", "One or more parameters to your request was invalid.")
		return
	}
	if strings.TrimSpace(in.Text) == "" || weight(in.Text) > 280 {
		refuse(w, http.StatusBadRequest, "invalid-request", "Your Tweet text is too long, or empty.")
		return
	}
	s.publish(w, account, in)
}

// publish makes a valid post, unless it replies to nothing, or was made before.
func (s *server) publish(w http.ResponseWriter, account string, in input) {
	s.posts.mu.Lock()
	defer s.posts.mu.Unlock()
	to := ""
	if in.Reply != nil {
		to = in.Reply.To
		if !slices.ContainsFunc(s.posts.all, func(t tweet) bool { return t.id == to }) {
			refuse(w, http.StatusForbidden, "", "You attempted to reply to a Tweet that is deleted or not visible to you.")
			return
		}
	}
	if slices.ContainsFunc(s.posts.all, func(t tweet) bool { return t.user == userID(account) && t.text == in.Text }) {
		refuse(w, http.StatusForbidden, "", "You are not allowed to create a Tweet with duplicate content.")
		return
	}
	if s.desk.Fate(account).Dropped {
		panic(http.ErrAbortHandler)
	}
	fate := s.desk.TakeReply(account, in.Text, to)
	if fate.Refused { // an account has no address that could be wrong: the post is
		refuse(w, http.StatusBadRequest, "invalid-request", "One or more parameters to your request was invalid.")
		return
	}
	t := tweet{strconv.FormatInt(firstID+s.posts.made, 10), userID(account), in.Text, time.Now()}
	s.posts.all = append(s.posts.all, t)
	s.posts.made++
	s.desk.Follow(account, fate, nil)
	if fate.Unanswered {
		panic(http.ErrAbortHandler)
	}
	write(w, http.StatusCreated, map[string]any{"data": t.shown()})
}

var link = regexp.MustCompile(`https?://\S+`)

// shown is a post as it is listed.
func (t tweet) shown() map[string]any {
	type entity struct {
		URL      string `json:"url"`
		Expanded string `json:"expanded_url"`
	}
	var urls []entity
	text := link.ReplaceAllStringFunc(t.text, func(url string) string {
		short := "https://t.co/" + t.id + strconv.Itoa(len(urls))
		urls = append(urls, entity{short, url})
		return short
	})
	v := map[string]any{"id": t.id, "text": html.EscapeString(text), "edit_history_tweet_ids": []string{t.id}}
	if urls != nil {
		v["entities"] = map[string]any{"urls": urls}
	}
	return v
}

func (s *server) lookup(w http.ResponseWriter, id string) {
	s.posts.mu.Lock()
	defer s.posts.mu.Unlock()
	for _, t := range s.posts.all {
		if t.id == id {
			write(w, http.StatusOK, map[string]any{"data": t.shown()})
			return
		}
	}
	write(w, http.StatusOK, map[string]any{"errors": []map[string]string{{
		"title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found",
		"resource_type": "tweet", "value": id,
	}}})
}

// timeline lists a user's posts, newest first, a few a page.
func (s *server) timeline(w http.ResponseWriter, r *http.Request, user string) {
	q := r.URL.Query()
	for name := range q {
		if !slices.Contains([]string{"max_results", "tweet.fields", "exclude", "start_time", "pagination_token"}, name) {
			refuse(w, http.StatusBadRequest, "invalid-request", "there is no parameter "+name)
			return
		}
	}
	size, notSize := strconv.Atoi(q.Get("max_results"))
	since, notTime := time.Parse("2006-01-02T15:04:05Z", q.Get("start_time"))
	if notSize != nil || size < 5 || size > 100 || notTime != nil {
		refuse(w, http.StatusBadRequest, "invalid-request", "One or more parameters to your request was invalid.")
		return
	}
	skip, _ := strconv.Atoi(q.Get("pagination_token"))
	s.posts.mu.Lock()
	defer s.posts.mu.Unlock()
	var found []map[string]any
	next := ""
	for _, t := range slices.Backward(s.posts.all) {
		if t.user != user || t.at.Before(since) {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if len(found) == size {
			token, _ := strconv.Atoi(q.Get("pagination_token"))
			next = strconv.Itoa(token + size)
			break
		}
		found = append(found, t.shown())
	}
	meta := map[string]any{"result_count": len(found)}
	if next != "" {
		meta["next_token"] = next
	}
	page := map[string]any{"meta": meta}
	if found != nil { // without posts there are no data
		page["data"] = found
	}
	write(w, http.StatusOK, page)
}

// weight counts a text as X does: an emoji two, other characters one or two by their range, links 23.
func weight(text string) int {
	n, state := 0, -1
	for rest := link.ReplaceAllString(text, strings.Repeat("x", 23)); rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if strings.ContainsFunc(cluster, func(r rune) bool { return r >= 0x1F000 || r == 0xFE0F }) {
			n += 2
			continue
		}
		for _, r := range cluster {
			n++
			if r > 0x10FF && (r < 0x2000 || r > 0x2037 || r == 0x200E || r == 0x200F || r > 0x201F && r < 0x2032) {
				n++
			}
		}
	}
	return n
}
