package statuspage

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// recalledName is the file of a page in which is remembered what was recalled.
const recalledName = "recalled.json"

// errRecalled is that a message comes that was recalled.
var errRecalled = errors.New("the message was recalled from this page")

// recalled is a message that the page doesn't have any more.
type recalled struct {
	ID         string    `json:"id"`
	Incident   string    `json:"incident"` // its topic
	At         time.Time `json:"at"`       // the message's time
	RecalledAt time.Time `json:"recalled_at"`
	// SaidAgain is the id of the update that stands again since, "" where none does: see capagain.go.
	SaidAgain string `json:"said_again,omitempty"`
}

// Recall implements [channels.Recaller]. What was begun and failed is gone on with by the next recall, and by the next
// start: once recalled.json has the message, no file is laid with it any more.
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	name, err := checkAddress(m.Address)
	if err != nil || !s.site.has(name) {
		return noSuchPage()
	}
	if !idForm().MatchString(m.ProviderID) {
		return &channels.Error{Class: channels.Rejected, Code: "id", Err: errors.New("not the id of a message of a page")}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.recall(ctx, name, m.ProviderID); err != nil {
		return refusal(err)
	}
	return nil
}

func (s *sender) recall(ctx context.Context, name, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	all, err := s.tree.load(ctx)
	if err != nil {
		return err
	}
	known, topic := all[name].recall(id, s.now())
	if topic == "" {
		return s.tree.hasNot(name, id)
	}
	all[name] = known
	raw, err := indented(struct {
		Recalled []recalled `json:"recalled"`
	}{known.recalled})
	if err != nil {
		return err
	}
	if err := s.tree.put(ctx, []file{{path: name + "/" + recalledName, data: raw}}); err != nil {
		return err
	}
	return s.write(ctx, all, topic)
}

func (m memory) hasRecalled(id string) bool {
	return slices.ContainsFunc(m.recalled, func(r recalled) bool { return r.ID == id })
}

// recall returns the memory without an update, and the topic of its incident; as it is if that was recalled before,
// and with no topic if nothing is known of it.
func (m memory) recall(id string, now time.Time) (after memory, topic string) {
	for _, r := range m.recalled {
		if r.ID == id {
			return m, r.Incident
		}
	}
	for _, i := range m.incidents {
		n := slices.IndexFunc(i.updates, func(u update) bool { return u.ID == id })
		if n < 0 {
			continue
		}
		r := recalled{ID: id, Incident: i.topic, At: i.updates[n].At, RecalledAt: now.UTC().Truncate(time.Second)}
		if before := (incident{i.topic, i.updates[:n]}); n > 0 && n == len(i.updates)-1 && before.phase() != closed {
			r.SaidAgain = before.last().ID
		}
		return memory{m.incidents.without(i.topic, id), append(slices.Clone(m.recalled), r)}, i.topic
	}
	return m, ""
}

// without returns them without an update, and without its incident if that was all that was said of it.
func (all incidents) without(topic, id string) incidents {
	if !all.of(topic).has(id) {
		return all
	}
	all = slices.Clone(all)
	for n, i := range all {
		if i.topic == topic {
			all[n].updates = slices.DeleteFunc(slices.Clone(i.updates), func(u update) bool { return u.ID == id })
		}
	}
	return slices.DeleteFunc(all, func(i incident) bool { return len(i.updates) == 0 })
}

// of returns the incident of a topic, without updates if there is none.
func (all incidents) of(topic string) incident {
	for _, i := range all {
		if i.topic == topic {
			return i
		}
	}
	return incident{topic: topic}
}

// has reports whether an update is among the incident's.
func (i incident) has(id string) bool {
	return slices.ContainsFunc(i.updates, func(u update) bool { return u.ID == id })
}

// leftover are the files of what was recalled: of one topic, or with "" of all. They may be gone already.
func (s site) leftover(all map[string]memory, topic string) []string {
	var paths []string
	for _, p := range s.pages {
		known := all[p.Name]
		for _, r := range known.recalled {
			if topic != "" && r.Incident != topic {
				continue
			}
			i := known.incidents.of(r.Incident)
			paths = append(paths, p.Name+"/"+alertPath(r.ID))
			if r.SaidAgain != "" && !i.has(r.SaidAgain) {
				paths = append(paths, p.Name+"/"+alertPath(r.againID()))
			}
			if len(i.updates) == 0 {
				paths = append(paths, p.Name+"/incidents/"+r.Incident+".html", p.Name+"/incidents/"+r.Incident+".json")
			}
		}
	}
	return paths
}

// loadRecalled reads what was recalled from a page. A file that nobody can read is set aside, as incidents' are.
func (t tree) loadRecalled(name string) ([]recalled, error) {
	path := filepath.Join(t.root, name, recalledName)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, readable := parseRecalled(raw)
	if !readable {
		return nil, os.Rename(path, path+setAside)
	}
	return all, nil
}

func parseRecalled(raw []byte) ([]recalled, bool) {
	var kept struct {
		Recalled []recalled `json:"recalled"`
	}
	if json.Unmarshal(raw, &kept) != nil || len(kept.Recalled) == 0 {
		return nil, false
	}
	for _, r := range kept.Recalled {
		if !idForm().MatchString(r.ID) || !topicForm().MatchString(r.Incident) || r.At.IsZero() || r.RecalledAt.IsZero() ||
			r.SaidAgain != "" && !idForm().MatchString(r.SaidAgain) {
			return nil, false
		}
	}
	return kept.Recalled, true
}

// hasNot fails if there is an alert of a message of which nothing is known: then its incident's data were lost or set
// aside, and its page may still be there. It fails too where there is no page at all: that is no message gone, but a
// file system that is not mounted.
func (t tree) hasNot(name, id string) error {
	folder := filepath.Join(t.root, name, "cap")
	if _, err := os.Stat(folder); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(folder, id+".xml"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return errors.New("the incident's data are not there or could not be read: mend them")
}
