package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	account "github.com/tocsin-dev/tocsin/channels/internal/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// history keeps the messages that were taken, so that they can be asked for. Safe for concurrent use.
type history struct {
	mu   sync.Mutex
	sids []string // oldest first
	by   map[string]*taken
	to   map[string][]*taken // by number, oldest first
}

// taken is a message with what will be said of it.
type taken struct {
	message
	at      time.Time
	reports []sandbox.Report
}

// maxHistory bounds what is kept; what is older is as unknown as what never was.
const maxHistory = 1 << 16

func newHistory() *history { return &history{by: map[string]*taken{}, to: map[string][]*taken{}} }

func (h *history) keep(m message, reports []sandbox.Report) {
	t := &taken{message: m, at: time.Now(), reports: reports}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.sids) >= maxHistory {
		h.forget(h.sids[0])
		h.sids = h.sids[1:]
	}
	h.sids = append(h.sids, m.SID)
	h.by[m.SID] = t
	h.to[m.To] = append(h.to[m.To], t)
}

// forget drops the oldest message, which is also the oldest to its number.
func (h *history) forget(sid string) {
	to := h.by[sid].To
	delete(h.by, sid)
	if h.to[to] = h.to[to][1:]; len(h.to[to]) == 0 {
		delete(h.to, to)
	}
}

// now is the message as it is at this moment.
func (t *taken) now() message {
	m := t.message
	rank := map[string]int{"sent": 1, "delivered": 2}
	for _, r := range t.reports {
		if rank[r.State] > rank[m.Status] && time.Since(t.at) >= r.After {
			m.Status = r.State
		}
	}
	if rank[m.Status] > 0 {
		sent := t.at.UTC().Format(time.RFC1123Z)
		m.DateSent = &sent
	}
	return m
}

func (h *history) find(sid string) (message, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.by[sid]
	if t == nil {
		return message{}, false
	}
	return t.now(), true
}

// list returns the messages to a number from one sender, newest first; "" is any.
func (h *history) list(to, from string) []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []message
	add := func(t *taken) {
		if from == "" || (t.From != nil && *t.From == from) {
			all = append(all, t.now())
		}
	}
	if to != "" {
		for i := len(h.to[to]) - 1; i >= 0; i-- {
			add(h.to[to][i])
		}
		return all
	}
	for i := len(h.sids) - 1; i >= 0; i-- {
		add(h.by[h.sids[i]])
	}
	return all
}

// page is a page of the Messages list.
type page struct {
	FirstPageURI    string    `json:"first_page_uri"`
	End             int       `json:"end"`
	Messages        []message `json:"messages"`
	NextPageURI     *string   `json:"next_page_uri"`
	Page            int       `json:"page"`
	PageSize        int       `json:"page_size"`
	PreviousPageURI *string   `json:"previous_page_uri"`
	Start           int       `json:"start"`
	URI             string    `json:"uri"`
}

// listMessages is "Read multiple Message resources". Of its filters it knows the numbers only; the
// dates of Twilio's own are those of sending, which a message that still waits doesn't have.
func (p *provider) listMessages(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	size, number, problem := readPage(query)
	if problem != "" {
		account.Problem(w, http.StatusBadRequest, 20001, problem)
		return
	}
	all := p.history.list(query.Get("To"), query.Get("From"))
	from := min(number*size, len(all))
	to := min(from+size, len(all))
	uri := func(n int) string {
		q := url.Values{"PageSize": {strconv.Itoa(size)}, "Page": {strconv.Itoa(n)}}
		for _, name := range []string{"To", "From"} {
			if query.Has(name) {
				q.Set(name, query.Get(name))
			}
		}
		if n > 0 {
			q.Set("PageToken", pageToken(n))
		}
		return account.Path + "/Messages.json?" + q.Encode()
	}
	answer := page{FirstPageURI: uri(0), Start: from, End: max(from, to-1), Messages: append([]message{}, all[from:to]...),
		Page: number, PageSize: size, URI: uri(number)}
	if to < len(all) {
		next := uri(number + 1)
		answer.NextPageURI = &next
	}
	if number > 0 {
		before := uri(number - 1)
		answer.PreviousPageURI = &before
	}
	account.JSON(w, http.StatusOK, answer)
}

// readPage reads which page is wanted. A page beyond the first needs its token ("Twilio's response",
// paging): its number is for the reader only.
func readPage(query url.Values) (size, number int, problem string) {
	size = 50
	for name, values := range query {
		if len(values) != 1 {
			return 0, 0, "Repeated parameter: " + name
		}
		n, err := strconv.Atoi(values[0])
		switch name {
		case "To", "From", "PageToken":
		case "PageSize":
			if size = n; err != nil || n < 1 || n > 1000 {
				return 0, 0, "Page size must be 1 to 1000"
			}
		case "Page":
			if number = n; err != nil || n < 0 {
				return 0, 0, "Page must be a number"
			}
		default:
			return 0, 0, "Unknown parameter: " + name
		}
	}
	if number > 0 && query.Get("PageToken") != pageToken(number) {
		return 0, 0, "Page number out of range: follow next_page_uri"
	}
	return size, number, ""
}

func pageToken(n int) string { return fmt.Sprintf("PASM%032x", n) }

// fetchMessage is "Fetch a Message resource".
func (p *provider) fetchMessage(w http.ResponseWriter, r *http.Request) {
	sid, isJSON := strings.CutSuffix(r.PathValue("file"), ".json")
	m, found := p.history.find(sid)
	if !isJSON || !found || r.URL.RawQuery != "" {
		account.Problem(w, http.StatusNotFound, 20404, "The requested resource "+r.URL.Path+" was not found")
		return
	}
	account.JSON(w, http.StatusOK, m)
}
