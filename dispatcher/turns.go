package dispatcher

// turns say whose turn it is among the updates that are to be planned: one after the other in the order
// of their coming, round and round, so that one whose planning fails again and again keeps nobody waiting.
type turns struct {
	last   int64 // the update that had its turn last
	failed bool  // one of this round has failed
}

// over reports whether the round is over, and there is reason to wait before the next: update id is the
// next one, and one of the round has failed.
func (t *turns) over(id int64) bool {
	if id > t.last || !t.failed {
		return false
	}
	t.failed = false
	return true
}

// had says that an update had its turn.
func (t *turns) had(id int64, failed bool) {
	t.last, t.failed = id, t.failed || failed
}
