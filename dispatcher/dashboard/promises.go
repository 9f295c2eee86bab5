package dashboard

import (
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// promised is one promise on a page.
type promised struct {
	What string
	Note note
	// Said is when Tocsin published an update by itself because of it; zero if it didn't.
	Said time.Time
}

// promises lists what has not stopped, in order of when it is due.
func promises(all []promise.State, now time.Time) []promised {
	var list []promised
	for i := range all {
		k := &all[i]
		one := promised{What: clockNames(k.Name), Said: k.SaidAt, Note: note{Text: "in " + span(k.Due.Sub(now)), At: k.Due}}
		switch k.Standing(now) {
		case promise.Stopped:
			continue
		case promise.Overdue:
			one.Note.Text, one.Note.Bad = "overdue by "+span(now.Sub(k.Due)), true
		case promise.Running, promise.Reminded:
			if now.After(k.Due) {
				one.Note.Text = "due now"
			}
		}
		list = append(list, one)
	}
	return list
}

// clockNames are those of clocks, in words.
func clockNames(n promise.Name) string {
	switch n {
	case promise.Estimate:
		return "Back as estimated"
	case promise.FirstNotice:
		return "First notice"
	case promise.NextUpdate:
		return "Next update"
	case promise.Notice:
		return "Notice of the maintenance"
	case promise.Overrun:
		return "Planned end"
	}
	return string(n)
}

// overdue counts the promises that are.
func overdue(list []promised) int {
	n := 0
	for i := range list {
		if list[i].Note.Bad {
			n++
		}
	}
	return n
}
