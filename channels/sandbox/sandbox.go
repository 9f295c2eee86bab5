// Package sandbox hosts the simulated providers: servers that speak the providers' real wire
// protocols, for the demo, drills, tests and benchmarks.
//
// Each simulator lives beside its adapter in a folder sim and imports no adapter, so that the two
// check each other. What all of them share is here: a [Desk] that decides each message's [Fate]
// by a [Conduct], counts what was accepted per recipient, and makes callbacks. [Server] puts them
// behind one HTTP address (and a listener of its own for protocols that aren't HTTP), together with
// a control API:
//
//	GET  /sandbox/endpoints             where each provider listens: {"twilio": "http://…/twilio"}
//	GET  /sandbox/conduct/{provider}    how it treats messages
//	PUT  /sandbox/conduct/{provider}    the same, changed
//	GET  /sandbox/counts                totals per provider
//	GET  /sandbox/counts/{provider}     one JSON line per address
//	GET  /sandbox/messages/{provider}   one JSON line per message, where they are kept
//	DELETE /sandbox/counts              forget all counts and messages
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Simulator is the far side of one provider. Exactly one of HTTP, Serve and Count is set.
type Simulator struct {
	// Provider is the name under which the adapter is configured; that of an account made with As.
	Provider string
	// HTTP makes the handler for a provider reached over HTTP; paths arrive without the
	// provider's prefix, as the real host would see them.
	HTTP func(*Desk) http.Handler
	// Serve serves any other protocol on l until ctx ends.
	Serve func(ctx context.Context, d *Desk, l net.Listener) error
	// Scheme of the endpoint for Serve: "smtp".
	Scheme string
	// Count is for an adapter that calls nobody: it leaves files in a directory for others to serve. It
	// reads them there as a reader would, and counts the messages in them; its error says what is wrong
	// with the files.
	Count func(dir string) (Tally, error)
	// Settings are the adapter's settings for a simulator that listens at endpoint, as they stand
	// in a configuration file. Where there is Count, endpoint is the directory.
	Settings func(endpoint string) map[string]any
	// Accounts are the addresses of public accounts that the simulator knows and Settings names; nil
	// for providers that reach customers.
	Accounts []string
	// Address makes up the address of the i-th customer, counted from 0, in its normal form: different
	// for different i, the same for the same seed, nobody's. "" is for none. It is nil where there are
	// Accounts.
	Address func(i int, seed uint64) string
}

// Served reports whether the simulator is a server, which the sandbox hosts.
func (s Simulator) Served() bool { return s.HTTP != nil || s.Serve != nil }

// As returns the simulator under another name: one more account of the same provider, with a conduct
// and counts of its own. Its endpoint, conduct and counts go by that name.
func (s Simulator) As(name string) Simulator {
	s.Provider = name
	return s
}

// Server hosts simulators. Make one with New, then Run it.
type Server struct {
	listener  net.Listener
	desks     map[string]*Desk
	endpoints map[string]string
	handler   http.Handler
	others    []func(context.Context) error
	stop      context.CancelFunc
}

// New listens on addr (and on a free port of the same host for each simulator that needs its own)
// and makes a desk for each simulator with the conduct given; all of them are Served. ctx bounds
// everything it does.
func New(ctx context.Context, addr string, c Conduct, sims []Simulator) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w; choose another address with --listen", err)
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{listener: l, desks: map[string]*Desk{}, endpoints: map[string]string{}, stop: stop}
	mux := http.NewServeMux()
	for _, sim := range sims {
		d := NewDesk(ctx, sim.Provider, c)
		s.desks[sim.Provider] = d
		if sim.HTTP != nil {
			prefix := "/" + sim.Provider
			mux.Handle(prefix+"/", http.StripPrefix(prefix, dated(d, sim.HTTP(d))))
			s.endpoints[sim.Provider] = "http://" + l.Addr().String() + prefix
			continue
		}
		if err := s.serveOther(sim, d); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	s.control(mux)
	s.handler = mux
	return s, nil
}

// dated has a provider's answers tell the time by its own clock.
func dated(d *Desk, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ahead := time.Duration(d.Conduct().Clock); ahead != 0 {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) serveOther(sim Simulator, d *Desk) error {
	host, _, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return fmt.Errorf("sandbox: listening for %s: %w", sim.Provider, err)
	}
	s.endpoints[sim.Provider] = sim.Scheme + "://" + l.Addr().String()
	s.others = append(s.others, func(ctx context.Context) error { return sim.Serve(ctx, d, l) })
	return nil
}

// URL is the address of the sandbox itself.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Endpoints says where each provider listens.
func (s *Server) Endpoints() map[string]string { return s.endpoints }

// KeepMessages has all providers keep every message whole.
func (s *Server) KeepMessages() {
	for _, d := range s.desks {
		d.KeepMessages()
	}
}

// Desk returns a provider's desk, nil if there is none of that name.
func (s *Server) Desk(provider string) *Desk { return s.desks[provider] }

// Run serves until ctx ends, and returns when everything it started has stopped.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, len(s.others)+1)
	for _, serve := range s.others {
		go func() { failed <- serve(ctx) }()
	}
	go func() { failed <- srv.Serve(s.listener) }()
	var err error
	left := cap(failed)
	select {
	case <-ctx.Done():
	case err = <-failed:
		left--
	}
	s.stop()
	_ = srv.Close()
	for _, d := range s.desks {
		d.Wait()
	}
	if ctx.Err() == nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	for range left {
		<-failed
	}
	return nil
}

func (s *Server) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/endpoints", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, s.endpoints)
	})
	mux.HandleFunc("GET /sandbox/counts", func(w http.ResponseWriter, _ *http.Request) {
		totals := map[string]Tally{}
		for name, d := range s.desks {
			totals[name] = d.Total()
		}
		answer(w, totals)
	})
	mux.HandleFunc("DELETE /sandbox/counts", func(w http.ResponseWriter, _ *http.Request) {
		for _, d := range s.desks {
			d.book.clear()
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /sandbox/counts/{provider}", s.withDesk(func(w http.ResponseWriter, _ *http.Request, d *Desk) {
		w.Header().Set("Content-Type", "application/jsonl")
		enc := json.NewEncoder(w)
		d.Each(func(address string, t Tally) {
			_ = enc.Encode(struct {
				Address string `json:"address"`
				Tally
			}{address, t})
		})
	}))
	mux.HandleFunc("GET /sandbox/messages/{provider}", s.withDesk(func(w http.ResponseWriter, _ *http.Request, d *Desk) {
		w.Header().Set("Content-Type", "application/jsonl")
		enc := json.NewEncoder(w)
		for _, m := range d.Messages() {
			_ = enc.Encode(m)
		}
	}))
	mux.HandleFunc("GET /sandbox/conduct/{provider}", s.withDesk(func(w http.ResponseWriter, _ *http.Request, d *Desk) {
		answer(w, d.Conduct())
	}))
	mux.HandleFunc("PUT /sandbox/conduct/{provider}", s.withDesk(func(w http.ResponseWriter, r *http.Request, d *Desk) {
		var c Conduct
		dec := json.NewDecoder(r.Body)
		dec.DisallowUnknownFields()
		if err := dec.Decode(&c); err != nil {
			http.Error(w, "conduct: "+err.Error(), http.StatusBadRequest)
			return
		}
		d.SetConduct(c)
		w.WriteHeader(http.StatusNoContent)
	}))
}

func (s *Server) withDesk(h func(http.ResponseWriter, *http.Request, *Desk)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d := s.desks[r.PathValue("provider")]
		if d == nil {
			var names []string
			for name := range s.desks {
				names = append(names, name)
			}
			http.Error(w, "no such provider; one of "+strings.Join(names, ", "), http.StatusNotFound)
			return
		}
		h(w, r, d)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
