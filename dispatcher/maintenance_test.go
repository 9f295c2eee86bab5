package dispatcher

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// work is a maintenance that begins at a time, for the customers named.
func work(begins time.Time, ids ...string) func(*incident.Update) {
	return func(u *incident.Update) {
		u.Kind, u.Status, u.StartedAt, u.EndsAt = incident.Maintenance, incident.Scheduled, begins, new(begins.Add(2*time.Hour))
		u.Affects = incident.Audience{Recipients: ids}
	}
}

// TestMovedMaintenanceTellsWhoeverKnowsTheOldDate: and nobody else, nor twice.
func TestMovedMaintenanceTellsWhoeverKnowsTheOldDate(t *testing.T) {
	s := newStory(t, 4)
	saturday := time.Date(2026, 5, 9, 2, 0, 0, 0, time.UTC)
	sunday := saturday.AddDate(0, 0, 1)
	s.want("announced", s.tell(work(saturday, "c-1", "c-2", "c-3")), 1, 2, 3)
	s.want("said again", s.tell(work(saturday, "c-1")), 1)
	s.want("moved, for fewer", s.tell(work(sunday, "c-1", "c-4")), 1, 2, 3, 4)
	s.want("said again", s.tell(work(sunday, "c-4")), 4)
	s.want("moved back", s.tell(work(saturday, "c-1")), 1, 2, 3, 4)
	s.want("begun", s.tell(func(u *incident.Update) {
		work(saturday.Add(time.Hour), "c-1")(u)
		u.Status = incident.InProgress
	}), 1)
	s.want("cancelled", s.tell(func(u *incident.Update) {
		work(saturday, "c-1")(u)
		u.Status = incident.Cancelled
	}), 1, 2, 3, 4)
}

// TestRemindersWaitForTheDay: whatever the impact, in each recipient's zone, and not beyond the beginning.
func TestRemindersWaitForTheDay(t *testing.T) {
	s := newStory(t, 0)
	var rs []audience.Recipient
	for i, zone := range []string{"Europe/Chisinau", "America/New_York", "Asia/Vladivostok", "Pacific/Auckland"} {
		r := customer(2 * (i + 1))
		r.Zone = zone
		rs = append(rs, r)
	}
	if err := s.ledger.PutRecipients(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	// 14:00 in Chisinau, 07:00 in New York, 21:00 in Vladivostok, 23:00 in Auckland.
	now := time.Date(2026, 5, 4, 11, 0, 0, 0, time.UTC)
	s.change = func(p *Planner) {
		p.PageSize, p.Clock = 10, clock.Scaled(1e-9, now)
		p.Rules.Night, _ = plan.NewQuiet("21:00", "08:00", incident.Minor, time.UTC)
	}
	remind := func(begins time.Time) map[int64]notification.Notification {
		return s.tell(func(u *incident.Update) {
			work(begins)(u)
			u.Impact, u.Automatic = incident.Critical, incident.Reminder
		})
	}
	newYork, auckland := now.Add(time.Hour), time.Date(2026, 5, 4, 20, 0, 0, 0, time.UTC)
	told := remind(now.Add(24 * time.Hour))
	for r, want := range map[int64]time.Time{1: now, 2: newYork, 3: time.Date(2026, 5, 4, 22, 0, 0, 0, time.UTC), 4: auckland} {
		if at := told[r].Attempt.QueuedAt; told[r].Outcome != notification.Open || at.Truncate(time.Second) != want {
			t.Errorf("recipient %d: %v at %s, want it to leave at %s", r, told[r].Outcome, at, want)
		}
	}
	told = remind(now.Add(10 * time.Hour)) // when it is 07:00 in Vladivostok, and day elsewhere
	for r := range int64(4) {
		n := told[r+1]
		if late := r == 2; late != (n.Outcome == notification.Suppressed && n.Reason == notification.OutOfDate) {
			t.Errorf("recipient %d: %v, %s; only who would hear of it after it began is not told", r+1, n.Outcome, n.Reason)
		}
	}
	told = remind(now.Add(-time.Minute)) // it was approved late
	for r, n := range told {
		if n.Outcome != notification.Suppressed || n.Reason != notification.OutOfDate {
			t.Errorf("recipient %d: %v, %s; it has begun already", r, n.Outcome, n.Reason)
		}
	}
	told = s.tell(func(u *incident.Update) { work(now.Add(10 * time.Hour))(u); u.Impact = incident.Critical })
	for r, n := range told {
		if at := n.Attempt.QueuedAt; at.Truncate(time.Second) != now {
			t.Errorf("recipient %d waits until %s for what a team says itself", r, at)
		}
	}
}
