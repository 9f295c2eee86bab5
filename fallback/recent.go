package fallback

import "github.com/tocsin-dev/tocsin/dispatcher/notification"

// recent keeps notifications as they were written last: a receipt often follows its result within
// moments, and then nothing need be read. It can be wrong only where somebody else has written; the
// ledger refuses what was decided on an old version, and then everything is read again. Only the
// engine's loop uses it, and only where the engine is alone: what *nothing* follows from, on an old
// version, the ledger would not notice.
type recent struct {
	young, old map[int64]*notification.Notification
}

// maxRecent bounds each of the two generations.
const maxRecent = 8192

func (r *recent) get(id int64) *notification.Notification {
	if n := r.young[id]; n != nil {
		return n
	}
	return r.old[id]
}

// put keeps notifications that have just been committed. The slice is no longer the caller's.
func (r *recent) put(ns []notification.Notification) {
	if len(r.young)+len(ns) > maxRecent {
		r.old, r.young = r.young, nil
	}
	if r.young == nil {
		r.young = make(map[int64]*notification.Notification, maxRecent)
	}
	for i := range ns {
		ns[i].Version++ // as the ledger has counted
		r.young[ns[i].ID] = &ns[i]
		delete(r.old, ns[i].ID)
	}
}

func (r *recent) forget() { r.young, r.old = nil, nil }
