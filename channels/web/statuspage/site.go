package statuspage

import (
	"encoding/json"
	"slices"
	"time"
)

// feedLength is how many messages feeds have.
const feedLength = 50

// files are all files of the site, in the order in which they are to be written: first what is
// remembered, last what readers look at first. They follow from what is remembered, but for what drops out
// of the history as time passes. Where a topic is given, only that incident's own files are among them.
func (s site) files(all map[string]memory, now time.Time, topic string) ([]file, error) {
	var data, feeds, html []file
	for _, p := range s.pages {
		v := s.view(p, all, now, topic)
		for _, make := range []struct {
			into *[]file
			f    func() ([]file, error)
		}{{&data, v.data}, {&feeds, v.alerts}, {&feeds, v.feeds}, {&feeds, v.summary}, {&html, v.html}} {
			files, err := make.f()
			if err != nil {
				return nil, err
			}
			*make.into = append(*make.into, files...)
		}
	}
	v := s.view(s.pages[0], all, now, topic)
	root, err := v.index("", "index.html")
	return append(slices.Concat(data, feeds, html), root), err
}

// view is one page of the site, with what is to be on it.
type view struct {
	site
	page
	all    incidents
	gone   []recalled
	others map[string]memory // of all pages
	since  time.Time         // what was over before is not on the page any more
	own    incidents         // those whose own files are to be made
	topic  string            // that of own, "" if they are all
}

func (s site) view(p page, all map[string]memory, now time.Time, topic string) view {
	known := all[p.Name]
	v := view{s, p, known.incidents, known.recalled, all, now.Add(-s.history), known.incidents, topic}
	if topic != "" {
		v.own = slices.DeleteFunc(slices.Clone(v.all), func(i incident) bool { return i.topic != topic })
	}
	return v
}

// at is the URL of a file of this page.
func (v view) at(path string) string { return v.url + "/" + v.Name + "/" + path }

func (v view) now() incidents     { return v.all.in(current, time.Time{}) }
func (v view) planned() incidents { return v.all.in(planned, time.Time{}) }
func (v view) past() incidents    { return v.all.in(closed, v.since) }

// incidentData is an incident as data: what is remembered of it, and for readers what follows.
type incidentData struct {
	ID     string `json:"id"`
	URL    string `json:"url"`
	Title  string `json:"title"`
	Phase  phase  `json:"phase"`
	Status string `json:"status"`
	Kind   string `json:"kind"`
	Impact string `json:"impact"`
	times
	Services []string `json:"services,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Updates  []update `json:"updates"`
}

type times struct {
	StartedAt    time.Time `json:"started_at"`
	EndsAt       time.Time `json:"ends_at,omitzero"`
	EstimatedAt  time.Time `json:"estimated_at,omitzero"`
	NextUpdateAt time.Time `json:"next_update_at,omitzero"`
	ResolvedAt   time.Time `json:"resolved_at,omitzero"`
}

func (v view) dataOf(i incident) incidentData {
	u := i.standing()
	d := incidentData{
		ID: i.topic, URL: v.at("incidents/" + i.topic + ".html"), Title: u.Title, Phase: i.phase(), Status: u.Status, Kind: u.Kind, Impact: u.Impact,
		times:    times{StartedAt: u.StartedAt, EndsAt: u.EndsAt, ResolvedAt: i.ended()},
		Services: u.Services, Regions: u.Regions, Updates: i.updates,
	}
	if d.Phase != closed { // what was expected of it holds no longer
		d.EstimatedAt, d.NextUpdateAt = i.last().EstimatedAt, i.last().NextUpdateAt
	}
	return d
}

func (v view) data() ([]file, error) {
	var files []file
	for _, i := range v.own {
		raw, err := indented(v.dataOf(i))
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: v.Name + "/incidents/" + i.topic + ".json", data: raw})
	}
	return files, nil
}

// summary is status.json, whose shape the package's documentation has.
func (v view) summary() ([]file, error) {
	type about struct {
		Name   string `json:"name"`
		Title  string `json:"title"`
		Locale string `json:"locale"`
		URL    string `json:"url"`
	}
	raw, err := indented(struct {
		Version   int            `json:"version"`
		Page      about          `json:"page"`
		Exercise  bool           `json:"exercise,omitempty"`
		State     string         `json:"state"`
		UpdatedAt time.Time      `json:"updated_at,omitzero"`
		Current   []incidentData `json:"current"`
		Planned   []incidentData `json:"planned"`
		History   []incidentData `json:"history"`
	}{
		1, about{v.Name, v.Title, v.Locale, v.at("")}, v.exercise, v.all.worst(), v.all.updatedAt(),
		v.list(v.now()), v.list(v.planned()), v.list(v.past()),
	})
	return []file{{path: v.Name + "/status.json", data: raw}}, err
}

func (v view) list(all incidents) []incidentData {
	list := make([]incidentData, 0, len(all))
	for _, i := range all {
		list = append(list, v.dataOf(i))
	}
	return list
}

func indented(v any) ([]byte, error) {
	raw, err := json.MarshalIndent(v, "", "  ")
	return append(raw, '\n'), err
}
