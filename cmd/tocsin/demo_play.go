package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

// incidentKey names an incident.
type incidentKey struct{ team, id string }

// player plays a scenario's events at their time, and shows how it goes.
type player struct {
	w       *world
	bus     publisher
	view    playView
	events  []scenarios.Event // still to come
	updates []event           // published, in order
	shown   map[string]bool   // announced, by event id
	changed time.Time         // when progress was last seen, by the machine's clock
	last    string
}

// play plays the story to its end: every event has happened and every update is closed. It returns
// the incidents that it was about.
func (c *cli) play(ctx context.Context, w *world) ([]incidentKey, error) {
	team := w.config.team()
	bus, err := newNATSPublisher(app.Endpoints{NATS: w.endpoints.NATS, NATSUser: team.Name, NATSPassword: team.Password})
	if err != nil {
		return nil, err
	}
	defer bus.close()
	p := &player{w: w, bus: bus, view: c.newPlayView(), events: w.scenario.Events, shown: map[string]bool{}, changed: time.Now()}
	defer p.view.close()
	for {
		if err := p.happen(ctx); err != nil {
			return nil, err
		}
		closed, err := p.look(ctx)
		if err != nil {
			return nil, err
		}
		if closed && len(p.events) == 0 {
			return p.keys(), nil
		}
		if err := p.pause(ctx); err != nil {
			return nil, err
		}
	}
}

// happen makes the events happen whose time has come.
func (p *player) happen(ctx context.Context) error {
	for len(p.events) > 0 && !p.w.scenario.At(p.events[0]).After(p.w.clock.Now()) {
		e := p.events[0]
		p.events = p.events[1:]
		for provider, conduct := range e.Sandbox {
			if err := p.w.setConduct(ctx, provider, conduct); err != nil {
				return err
			}
			p.view.line(fmt.Sprintf("%s  the provider %s is now %s", clockTime(p.w.scenario.At(e), p.w.zone), provider, conduct.Mode))
		}
		if e.Update == nil {
			continue
		}
		ev, faults := newEvent(json.RawMessage(e.Update), p.w.scenario.At(e))
		if len(faults) > 0 {
			return &incident.FaultError{Faults: faults}
		}
		if err := p.bus.publish(ctx, ev); err != nil {
			return fmt.Errorf("publishing: %w", err)
		}
		p.updates = append(p.updates, ev)
	}
	return nil
}

// stallTimeout is how long nothing may change once all has happened.
const stallTimeout = time.Minute

// pause waits for the next event, or until it is time to look again.
func (p *player) pause(ctx context.Context) error {
	wait := followEvery
	if len(p.events) > 0 {
		wait = min(wait, p.w.clock.Machine(p.w.scenario.At(p.events[0]).Sub(p.w.clock.Now())))
	} else if time.Since(p.changed) > stallTimeout {
		return fmt.Errorf("nothing has changed for %v: %s", stallTimeout, p.last)
	}
	timer := time.NewTimer(max(0, wait))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	case <-p.w.node.ended:
		return p.w.node.failed(p.w.node.err)
	case <-p.w.providers.ended:
		return p.w.providers.failed(p.w.providers.err)
	}
}

// look has held updates approved, announces those whose audience is known, shows the newest one's progress,
// and reports whether all are closed, those included that Tocsin says by itself.
func (p *player) look(ctx context.Context) (closed bool, err error) {
	closed = true
	for _, k := range p.keys() {
		s, err := p.w.api.Incident(ctx, k.team, k.id)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return false, err
		}
		for i := range s.Progress {
			if err := p.lookAt(ctx, &s, &s.Progress[i]); err != nil {
				return false, err
			}
			closed = closed && ended(&s.Progress[i])
		}
		there, err := p.arrived(ctx, k, &s)
		if err != nil {
			return false, err
		}
		closed = closed && there
	}
	return closed, nil
}

func ended(u *ledger.UpdateProgress) bool {
	return u.State == ledger.Closed || u.State == ledger.NotAnnounced
}

// arrived reports whether all that was published of an incident is there. What was refused is an error.
func (p *player) arrived(ctx context.Context, k incidentKey, s *ledger.IncidentSummary) (bool, error) {
	for _, e := range p.updates {
		if e.update.Team != k.team || e.update.Incident != k.id {
			continue
		}
		if !slices.ContainsFunc(s.Progress, func(u ledger.UpdateProgress) bool { return u.EventID == e.update.EventID }) {
			return false, refused(ctx, p.w.api, e)
		}
	}
	return true, nil
}

// lookAt shows how one update stands, and has it approved where it waits for that.
func (p *player) lookAt(ctx context.Context, s *ledger.IncidentSummary, u *ledger.UpdateProgress) error {
	published := slices.IndexFunc(p.updates, func(e event) bool { return e.update.EventID == u.EventID })
	if u.State == ledger.NotAnnounced && published >= 0 {
		return fmt.Errorf("the update %s was not announced: it is %s", u.Status, u.Reason)
	}
	if u.State == ledger.Held {
		return p.approve(ctx, u)
	}
	planned := u.State == ledger.Sending || u.State == ledger.Closed
	if planned && !p.shown[u.EventID] {
		p.shown[u.EventID] = true
		if err := p.announce(ctx, u, published); err != nil {
			return err
		}
	}
	if u == &s.Progress[len(s.Progress)-1] {
		p.view.show(u)
		if line := progressLine(u); line != p.last {
			p.last, p.changed = line, time.Now()
		}
	}
	return nil
}

// announce shows that an update goes out: the one that was published as number so and so, -1 for one that
// nobody published.
func (p *player) announce(ctx context.Context, u *ledger.UpdateProgress, published int) (err error) {
	text, at := "", u.ReceivedAt
	if published >= 0 {
		text, at = headline(p.updates[published].update), p.updates[published].update.Time
	} else if text, err = p.byItself(ctx, u); err != nil {
		return err
	}
	p.view.line(fmt.Sprintf("%s  %-13s  %s  → %s customers, let go by %s",
		clockTime(at, p.w.zone), words(string(u.Status)), text, thousands(u.Audience), u.ApprovedBy))
	return nil
}

// headline is what an update says, in a line.
func headline(u incident.Update) string {
	text := u.Short.In("en")
	if text == "" {
		text = u.Summary.In("en")
	}
	const width = 72
	if runes := []rune(text); len(runes) > width {
		return strings.TrimSpace(string(runes[:width-1])) + "…"
	}
	return text
}

// keys lists the incidents of what was published.
func (p *player) keys() []incidentKey {
	var keys []incidentKey
	for _, e := range p.updates {
		if k := (incidentKey{e.update.Team, e.update.Incident}); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// setConduct changes how a simulated provider behaves.
func (w *world) setConduct(ctx context.Context, provider string, conduct any) error {
	b, err := json.Marshal(conduct)
	if err != nil {
		return err
	}
	return w.control(ctx, http.MethodPut, "/sandbox/conduct/"+provider, b, nil)
}

// control calls the sandbox's control API and reads its JSON answer, if into is not nil.
func (w *world) control(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, w.sandbox.Sandbox+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("sandbox: %s: %s", resp.Status, bytes.TrimSpace(text))
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
