package sim

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// The account of the plain gateway.
const (
	User = "tocsin"
	Pass = "p&ss=w?rd"
)

// Plain describes the plain gateway.
func Plain() sandbox.Simulator {
	return sandbox.Simulator{
		Provider: "gateway",
		HTTP:     func(d *sandbox.Desk) http.Handler { return &plain{desk: d} },
	}
}

// plain is the plain gateway. Safe for concurrent use.
type plain struct {
	desk *sandbox.Desk
	ids  atomic.Uint64
}

// The gateway's errors.
const (
	errCredentials = "ERR 101 wrong user or password"
	errNumber      = "ERR 114 no route to number"
	errParameters  = "ERR 120 wrong parameters"
	errTooFast     = "ERR 301 too many requests"
	errBroken      = "ERR 900 system down"
)

// ServeHTTP serves /send. Whatever the answer is, its status is 200.
func (g *plain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // to notice when the client hangs up
	if r.Method != http.MethodGet || r.URL.Path != "/send" {
		http.NotFound(w, r)
		return
	}
	switch g.desk.Gate(r.Context()) {
	case sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case sandbox.Unavailable:
		say(w, errBroken)
	case sandbox.RateLimited:
		say(w, errTooFast)
	default:
		query, err := url.ParseQuery(r.URL.RawQuery)
		switch {
		case err != nil || !known(query):
			say(w, errParameters)
		case query.Get("user") != User || query.Get("pass") != Pass:
			say(w, errCredentials)
		default:
			g.take(w, query)
		}
	}
}

func known(query url.Values) bool {
	for name, values := range query {
		if len(values) != 1 {
			return false
		}
		switch name {
		case "user", "pass", "dst", "msg", "dlr":
		case "type":
			if values[0] != "0" && values[0] != "8" {
				return false
			}
		case "valid":
			if n, err := strconv.Atoi(values[0]); err != nil || n < 1 || n > 2880 {
				return false
			}
		default:
			return false
		}
	}
	return query.Get("msg") != "" && strings.HasPrefix(query.Get("dst"), "+")
}

func (g *plain) take(w http.ResponseWriter, query url.Values) {
	to := query.Get("dst")
	fate := g.desk.Take(to, query.Get("msg"))
	if fate.Refused {
		say(w, errNumber)
		return
	}
	id := fmt.Sprint(10000 + g.ids.Add(1))
	say(w, "OK "+id)
	_ = http.NewResponseController(w).Flush()
	var report func(context.Context, string)
	if dlr := query.Get("dlr"); dlr != "" {
		report = func(ctx context.Context, state string) { g.report(ctx, dlr, state, id) }
	}
	g.desk.Follow(to, fate, report)
}

// report calls dlr. "read" is not known.
func (g *plain) report(ctx context.Context, dlr, state, id string) {
	word := map[string]string{"sent": "ACCEPTD", "delivered": "DELIVRD"}[state]
	if word == "" {
		return
	}
	g.desk.Call(ctx, 3, func() (*http.Request, error) {
		return http.NewRequest(http.MethodGet, dlr+"&status="+word+"&msgid="+id, nil)
	})
}

func say(w http.ResponseWriter, line string) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, line+"\n")
}
