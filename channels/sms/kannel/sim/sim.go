// Package sim is the far side of the Kannel adapter: smsbox's sendsms interface by POST, with delivery
// reports as Kannel makes them for an SMPP link.
//
// It was written from Kannel's User Guide 1.4.5
// (https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html), "Using the HTTP interface to
// send SMS messages" (tables 7-11, 7-16, 7-17), "Parameters (Escape Codes)" (table 7-10) and chapter
// 10, with the answers' texts of version 1.4.5. Like Kannel it cuts off what doesn't fit into max-messages,
// and takes the rest.
//
// It differs from the original in this: headers that smsbox doesn't have are refused, not ignored, as
// are values that it would read as zero; GET isn't served. Kannel has no limit of its own on
// the rate of requests, so where that is played, the answer is that of a proxy in front of it.
package sim

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The one sendsms-user.
const (
	Username = "tocsin"
	Password = "z0rK-and-a-half"
)

// maxMessages is the user's max-messages.
const maxMessages = 10

// Simulator describes the simulated Kannel.
func Simulator() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "kannel",
		HTTP:     func(d *sandbox.Desk) http.Handler { return &smsbox{desk: d} },
		Address:  sandbox.FakePhone,
		Settings: func(endpoint string) map[string]any {
			return map[string]any{
				"base_url": endpoint, "username": Username, "password": Password, "from": "Bank",
				"max_messages": maxMessages, "callback_secret": "a secret of the sender's",
			}
		},
	}
}

// smsbox serves sendsms. Safe for concurrent use.
type smsbox struct {
	desk *sandbox.Desk
	ids  atomic.Uint64
}

// ServeHTTP serves /cgi-bin/sendsms.
func (b *smsbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || r.URL.Path != "/cgi-bin/sendsms" || r.Method != http.MethodPost || r.URL.RawQuery != "" {
		answer(w, http.StatusNotFound, "Unknown request.")
		return
	}
	switch b.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		answer(w, http.StatusServiceUnavailable, "Temporal failure, try again later.")
	case sandbox.RateLimited:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusTooManyRequests, "Too Many Requests")
	default:
		b.sendsms(w, r.Header, string(text))
	}
}

func (b *smsbox) sendsms(w http.ResponseWriter, h http.Header, text string) {
	if status, complaint := check(h, text); status != 0 {
		answer(w, status, complaint)
		return
	}
	to := h.Get("X-Kannel-To")
	text = cut(text, h.Get("X-Kannel-Coding"))
	if b.desk.Fate(to).Dropped {
		panic(http.ErrAbortHandler)
	}
	fate := b.desk.Take(to, text)
	if fate.Refused {
		answer(w, http.StatusBadRequest, "Number(s) has/have been denied by white- and/or black-lists.")
		return
	}
	report := b.reporter(h, text)
	if fate.Unanswered {
		b.desk.Follow(to, fate, report)
		panic(http.ErrAbortHandler)
	}
	answer(w, http.StatusAccepted, "0: Accepted for delivery")
	// On its way before the first report may be.
	_ = http.NewResponseController(w).Flush()
	b.desk.Follow(to, fate, report)
}

// cut drops what doesn't fit into max-messages parts: 153 septets each, or 67 units. It counts
// characters, which is near enough for texts that are cut at all.
func cut(text, coding string) string {
	most := maxMessages * 153
	if coding == "2" {
		most = maxMessages * 67
	}
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Server", "Kannel/1.4.5")
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.Copy(w, strings.NewReader(text))
}
