// Package sim is the far side of the LiveJournal adapter: as much of the site's XML-RPC protocol as a
// journal needs that only posts. It follows
// https://www.livejournal.com/doc/server/ljp.csp.xml-rpc.protocol.html (getchallenge, login, postevent,
// getevents, editevent), ljp.csp.auth.challresp.html and http://xmlrpc.com/spec.md.
//
// It is stricter than the original in two things: members that a method doesn't have are refused, and a
// challenge is good for once. Like the original it answers faults with status 200, sends texts that aren't
// ASCII as base64, takes an entry that is the same as the journal's last one for that one until that one is
// deleted, and deletes an entry that is edited to have no text. Entries can't be edited otherwise here.
package sim

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The journals of one organisation; the last is a community, in which the first posts. Any other name is
// somebody's journal too.
const (
	Journal   = "bank_outages"
	JournalRU = "bank_outages_ru"
	Community = "bank_community"
	// Password is everybody's.
	Password = "correct-horse-battery"
)

// Simulator describes the simulated site.
func Simulator() sandbox.Simulator {
	accounts := map[string]any{
		Journal: map[string]string{"password": Password}, JournalRU: map[string]string{"password": Password},
		Community: map[string]string{"username": Journal, "password": Password},
	}
	return sandbox.Simulator{
		Provider: "livejournal", HTTP: newServer, Accounts: []string{Journal, JournalRU, Community},
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "accounts": accounts}
		},
	}
}

type server struct {
	desk *sandbox.Desk

	mu         sync.Mutex
	given      int
	challenges map[string]bool
	entries    []entry          // oldest first
	made       int              // how many there were ever
	last       map[string]entry // by journal
}

type entry struct {
	journal, poster, event, at string
	id                         int
}

func newServer(d *sandbox.Desk) http.Handler {
	return &server{desk: d, challenges: map[string]bool{}, last: map[string]entry{}}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/interface/xmlrpc" {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	switch s.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	case sandbox.RateLimited:
		fault(w, 406, "Client is making repeated requests. Perhaps it's broken?")
	default:
		s.route(w, body)
	}
}

func (s *server) route(w http.ResponseWriter, body []byte) {
	method, args, err := decode(body)
	if err != nil || !strings.HasPrefix(method, "LJ.XMLRPC.") {
		fault(w, 201, "Client error: Unknown method")
		return
	}
	method = strings.TrimPrefix(method, "LJ.XMLRPC.")
	if name := stranger(method, args); name != "" {
		fault(w, 203, "Client error: Invalid argument(s): "+name)
		return
	}
	if method == "getchallenge" {
		s.challenge(w)
		return
	}
	if !s.authentic(args) {
		fault(w, 101, "Invalid password")
		return
	}
	switch method {
	case "login":
		answer(w, "<struct>"+field("userid", "<int>1</int>")+"</struct>")
	case "postevent":
		s.post(w, args)
	case "getevents":
		s.list(w, args)
	case "editevent":
		s.edit(w, args)
	default:
		fault(w, 201, "Client error: Unknown method")
	}
}

// stranger returns an argument that a method doesn't have, "" if there is none.
func stranger(method string, args map[string]string) string {
	allowed := " username auth_method auth_challenge auth_response ver usejournal " + map[string]string{
		"postevent": "event lineendings subject security allowmask year mon day hour min props ",
		"editevent": "itemid event lineendings subject security allowmask year mon day hour min props ",
		"getevents": "truncate prefersubject noprops selecttype lastsync year month day howmany beforedate itemid lineendings ",
	}[method]
	for name := range args {
		if !strings.Contains(allowed, " "+name+" ") {
			return name
		}
	}
	return ""
}

func (s *server) challenge(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given++
	now := time.Now().Unix()
	c := fmt.Sprintf("c0:%d:%d:60:sandbox:%s", now, s.given, sum(strconv.Itoa(s.given)))
	s.challenges[c] = true
	answer(w, "<struct>"+field("auth_scheme", "<string>c0</string>")+field("challenge", "<string>"+c+"</string>")+
		field("server_time", fmt.Sprintf("<int>%d</int>", now))+field("expire_time", fmt.Sprintf("<int>%d</int>", now+60))+"</struct>")
}

// authentic reports whether the response to a challenge is right; either way the challenge is used up.
func (s *server) authentic(args map[string]string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := args["auth_challenge"]
	known := s.challenges[c]
	delete(s.challenges, c)
	right := subtle.ConstantTimeCompare([]byte(args["auth_response"]), []byte(sum(c+sum(Password)))) == 1
	return known && right && args["auth_method"] == "challenge" && args["username"] != "" && args["ver"] == "1"
}

func sum(s string) string {
	b := md5.Sum([]byte(s))
	return hex.EncodeToString(b[:])
}
