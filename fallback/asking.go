package fallback

import "time"

// asking is what an engine knows of the questions that it has put: about which batches, and until when
// lanes will be busy with them. Only the loop that judges uses it. Its zero value has asked nothing.
type asking struct {
	batches map[int64]bool
	busy    map[string]time.Time // by channel
}

// put notes a question that takes lanes so long, and says how long its answers may take: the answer time,
// or longer if lanes have more to ask about than they can in that time, but no more than as long as the
// wait again.
func (a *asking) put(channel string, takes, answer, wait time.Duration, now time.Time) time.Duration {
	if a.busy == nil {
		a.busy = map[string]time.Time{}
	}
	free, most := now, now.Add(answer+wait)
	if a.busy[channel].After(now) {
		free = a.busy[channel]
	}
	if free = free.Add(takes); free.After(most) {
		free = most // lanes don't ask about what is too late
	}
	a.busy[channel] = free
	return max(answer, free.Sub(now))
}

// about reports whether a question about a batch has been put, and its silence not been judged yet.
func (a *asking) about(batch int64) bool { return a.batches[batch] }

// commit notes which batches were asked about, and which don't wait for answers any more.
func (a *asking) commit(asked map[int64]bool, judged []int64) {
	if a.batches == nil && len(asked) > 0 {
		a.batches = map[int64]bool{}
	}
	for b := range asked {
		a.batches[b] = true
	}
	for _, b := range judged {
		delete(a.batches, b)
	}
}
