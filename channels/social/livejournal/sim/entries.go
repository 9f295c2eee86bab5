package sim

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *server) post(w http.ResponseWriter, args map[string]string) {
	event := args["event"]
	at, err := time.Parse("2006-1-2 15:4", fmt.Sprintf("%s-%s-%s %s:%s", args["year"], args["mon"], args["day"], args["hour"], args["min"]))
	switch {
	case strings.TrimSpace(event) == "", args["lineendings"] == "":
		fault(w, 200, "Client error: Missing required argument(s)")
		return
	case err != nil:
		fault(w, 153, "Incorrect time value")
		return
	case len(event) > 65535:
		fault(w, 409, "Client error: Post too large.")
		return
	case args["security"] != "public":
		fault(w, 203, "Client error: Invalid argument(s): the sandbox posts for everybody")
		return
	}
	s.publish(w, entry{
		journal: cmp.Or(args["usejournal"], args["username"]), poster: args["username"], event: event, at: at.Format(time.DateTime),
	})
}

// publish makes a valid entry, unless it is the journal's last one.
func (s *server) publish(w http.ResponseWriter, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, found := s.last[e.journal]; found && last.event == e.event {
		answer(w, posted(last))
		return
	}
	if s.desk.Fate(e.journal).Dropped {
		panic(http.ErrAbortHandler)
	}
	fate := s.desk.Take(e.journal, e.event)
	if fate.Refused { // a journal has no address that could be wrong: the entry is
		fault(w, 208, "Client error: Invalid text encoding")
		return
	}
	s.made++
	e.id = s.made
	s.entries, s.last[e.journal] = append(s.entries, e), e
	s.desk.Follow(e.journal, fate, nil)
	if fate.Unanswered {
		panic(http.ErrAbortHandler)
	}
	answer(w, posted(e))
}

func posted(e entry) string {
	return "<struct>" + field("itemid", fmt.Sprintf("<int>%d</int>", e.id)) + field("anum", "<int>7</int>") +
		field("url", fmt.Sprintf("<string>https://%s.sandbox.example/%d.html</string>", e.journal, e.id*256+7)) + "</struct>"
}

// edit deletes an entry, for whoever posted it or whose journal it is.
func (s *server) edit(w http.ResponseWriter, args map[string]string) {
	journal := cmp.Or(args["usejournal"], args["username"])
	event, given := args["event"]
	if args["itemid"] == "" || !given || strings.TrimSpace(event) != "" {
		fault(w, 203, "Client error: Invalid argument(s): the sandbox deletes entries only")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.entries, func(e entry) bool { return e.journal == journal && strconv.Itoa(e.id) == args["itemid"] })
	switch {
	case i < 0:
		fault(w, 302, "Client error: Can't edit post from requested journal")
		return
	case s.entries[i].poster != args["username"] && journal != args["username"]:
		fault(w, 304, "Client error: Can't delete post in this community journal")
		return
	}
	e := s.entries[i]
	s.entries = slices.Delete(s.entries, i, i+1)
	delete(s.last, journal)
	s.desk.Recall(journal)
	answer(w, "<struct>"+field("itemid", fmt.Sprintf("<int>%d</int>", e.id))+field("anum", "<int>7</int>")+"</struct>")
}

// list gives one entry, or the last ones, newest first.
func (s *server) list(w http.ResponseWriter, args map[string]string) {
	journal := cmp.Or(args["usejournal"], args["username"])
	most, err := strconv.Atoi(cmp.Or(args["howmany"], "20"))
	one := args["selecttype"] == "one"
	if (!one && args["selecttype"] != "lastn") || err != nil || most > 50 {
		fault(w, 203, "Client error: Invalid argument(s)")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, e := range slices.Backward(s.entries) {
		if e.journal != journal || one && strconv.Itoa(e.id) != args["itemid"] {
			continue
		}
		if most--; most < 0 {
			break
		}
		b.WriteString("<value><struct>" + field("itemid", fmt.Sprintf("<int>%d</int>", e.id)) + field("anum", "<int>7</int>") +
			field("eventtime", "<string>"+e.at+"</string>") + field("event", text(e.event)) + "</struct></value>")
	}
	answer(w, "<struct>"+field("events", "<array><data>"+b.String()+"</data></array>")+"</struct>")
}
