package incident

import "slices"

// statuses lists, by the status of an incident, those that an update may bring it to. The status ""
// is an incident that is not known yet. A correction is not in the table: it moves nothing, and may
// follow anything but nothing. The diagrams are in the package's documentation.
type statuses map[Status][]Status

// lifecycle returns the table of a kind, nil for one that does not exist.
func lifecycle(k Kind) statuses {
	switch k {
	case Outage:
		return statuses{
			// Teams publish late, or only once: a short outage may be known by its end alone.
			"":            {Investigating, Identified, Monitoring, Resolved},
			Investigating: {Investigating, Identified, Monitoring, Resolved},
			// A cause may prove wrong, and a repair may not hold.
			Identified: {Investigating, Identified, Monitoring, Resolved},
			Monitoring: {Investigating, Identified, Monitoring, Resolved},
			// It came back: the same incident, as customers see it.
			Resolved:   {Investigating, Identified, Postmortem},
			Postmortem: {},
		}
	case Maintenance:
		return statuses{
			// Urgent work begins unannounced.
			"":        {Scheduled, InProgress},
			Scheduled: {Scheduled, InProgress, Verifying, Completed, Cancelled},
			// Cancelled here is work that was stopped and taken back.
			InProgress: {InProgress, Verifying, Completed, Cancelled},
			Verifying:  {InProgress, Verifying, Completed},
			Completed:  {Postmortem},
			Cancelled:  {Postmortem},
			Postmortem: {},
		}
	}
	return nil
}

// mayFollow reports whether an update with status next may follow status now, "" where there was none.
func mayFollow(k Kind, now, next Status) bool {
	table := lifecycle(k)
	if next == Correction {
		return table != nil && now != ""
	}
	return slices.Contains(table[now], next)
}

// HasStatus reports whether updates of incidents of a kind may have a status.
func HasStatus(k Kind, s Status) bool {
	for _, next := range lifecycle(k) {
		if s == Correction || slices.Contains(next, s) {
			return true
		}
	}
	return false
}
