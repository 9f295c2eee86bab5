package statuspage

import (
	"slices"
	"strings"
	"time"
)

// Alerts of what was recalled. Its own alert is removed, and whoever has it is told by a Cancel, which "cancels the
// earlier message(s) identified in <references>" (section 3.2.1) and needs no info. Nothing in CAP brings back what a
// Cancel or an Update ended; so where such a one is recalled, what it ended and still goes on is said again.

// cancelID is the identifier of the Cancel of what was recalled, againID that of what is said again.
func (r recalled) cancelID() string { return idOf("recalled", r.ID) }
func (r recalled) againID() string  { return idOf("said again", r.ID) }

// reference names an alert (section 3.2.1).
func (v view) reference(id string, at time.Time) string {
	return v.sender + "," + id + "," + v.capTime(at)
}

// again are the references to what some recalls had said again of an incident. What stands behind such an update came
// after that recall, whatever its time says: at the recall nothing stood behind it any more.
func (v view) again(i incident, gone []recalled) []string {
	var found []string
	for _, r := range gone {
		if r.Incident == i.topic && i.has(r.SaidAgain) {
			found = append(found, v.reference(r.againID(), r.RecalledAt))
		}
	}
	return found
}

func (v view) cancel(r recalled) capAlert {
	a := v.envelope(r.cancelID(), "Cancel", r.Incident, r.RecalledAt)
	a.Note = v.marked(v.words.Recalled)
	names := []string{v.reference(r.ID, r.At)}
	for _, other := range v.gone {
		if other.SaidAgain == r.ID {
			names = append(names, v.reference(other.againID(), other.RecalledAt))
		}
	}
	a.References = strings.Join(names, " ")
	return a
}

// sayAgain is an update once more, as of when the one behind it was recalled; what was recalled before that is given too.
func (v view) sayAgain(r recalled, before []recalled) capAlert {
	i := v.all.of(r.Incident)
	n := slices.IndexFunc(i.updates, func(u update) bool { return u.ID == r.SaidAgain })
	then := slices.Clone(i.updates[:n+1])
	then[n].At = r.RecalledAt
	a := v.envelope(r.againID(), "Update", r.Incident, r.RecalledAt)
	info := v.info(said{incident{i.topic, then}, n})
	a.Info = &info
	names := v.again(incident{i.topic, then}, before)
	for _, earlier := range i.updates[:n+1] {
		names = append(names, v.reference(earlier.ID, earlier.At))
	}
	a.References = strings.Join(append(names, v.reference(r.ID, r.At)), " ")
	return a
}

// afterRecalls are the alerts of what was recalled of the incidents whose own files are to be made.
func (v view) afterRecalls() []capAlert {
	var all []capAlert
	for n, r := range v.gone {
		if v.topic != "" && v.topic != r.Incident {
			continue
		}
		all = append(all, v.cancel(r))
		if v.all.of(r.Incident).has(r.SaidAgain) {
			all = append(all, v.sayAgain(r, v.gone[:n]))
		}
	}
	return all
}

// againDeleted tells of what was said again whose message was recalled too, newest first.
func (v view) againDeleted() []atomDeleted {
	var all []atomDeleted
	for _, later := range slices.Backward(v.gone[max(0, len(v.gone)-feedLength):]) {
		for _, r := range v.gone {
			if r.SaidAgain == later.ID {
				all = append(all, atomDeleted{urn(r.againID()), stamp(later.RecalledAt)})
			}
		}
	}
	return all
}

// recallEntries are the entries of what was recalled in the feed of alerts.
func (v view) recallEntries() []atomEntry {
	var all []atomEntry
	for _, r := range v.gone {
		i, related := v.all.of(r.Incident), v.at("")
		if len(i.updates) > 0 {
			related = v.at("incidents/" + r.Incident + ".html")
		}
		all = append(all, v.capEntry(v.Locale, v.words.Recalled, v.words.Recalled, r.cancelID(), r.RecalledAt, related))
		if n := slices.IndexFunc(i.updates, func(u update) bool { return u.ID == r.SaidAgain }); n >= 0 {
			u := i.updates[n]
			all = append(all, v.capEntry(u.Locale, u.Title, u.Text, r.againID(), r.RecalledAt, v.link(said{i, n})))
		}
	}
	return all
}
