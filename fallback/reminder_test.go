package fallback

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
)

// TestRemindersEndWhereTheWorkBegins: who is reminded of a maintenance is not told on another channel once it has
// begun, nor in the morning after; and what waits for its lane waits no longer than that.
func TestRemindersEndWhereTheWorkBegins(t *testing.T) {
	for name, tt := range map[string]struct {
		begins time.Duration
		night  bool
		goesOn bool
	}{
		"it begins in an hour":               {time.Hour, false, true},
		"it has begun":                       {-time.Minute, false, false},
		"it begins before the night is over": {time.Hour, true, false},
		"it begins in the morning":           {10 * time.Hour, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			begins := time.Now().UTC().Add(tt.begins).Truncate(time.Second)
			w.status, w.change = incident.Scheduled, func(u *incident.Update) { u.Automatic, u.StartedAt = incident.Reminder, begins }
			if tt.night {
				w.quietNow()
				w.engine.Rules.Night, w.engine.Rules.Quiet = w.engine.Rules.Quiet, (*plan.Quiet)(nil)
			}
			n := w.announce("a", 1, "viber", "sms")[0]
			w.must(w.ledger.MarkSent(t.Context(), []int64{n.Attempt.Batch}, now))
			w.run()
			w.lane(n, refused)
			if !tt.goesOn {
				if got := w.until("the end", n.ID, ended(notification.Unreachable)); got.Reason != notification.OutOfDate {
					t.Errorf("it ended as %+v", got)
				}
				if unsent, err := w.ledger.UnsentBatches(t.Context(), time.Now().Add(24*time.Hour), 10); err != nil || len(unsent) != 0 {
					t.Errorf("still to be sent: %+v, %v", unsent, err)
				}
				return
			}
			w.until("the fallback", n.ID, onStep(1))
			unsent, err := w.ledger.UnsentBatches(t.Context(), begins, 10)
			if err != nil || len(unsent) != 1 {
				t.Fatalf("to be sent before it begins: %+v, %v", unsent, err)
			}
			due, err := w.ledger.DueDeadlines(t.Context(), begins, 10)
			if err != nil || len(due) != 1 || due[0].Batch != unsent[0].ID || !due[0].Due.Equal(begins) {
				t.Errorf("given up: %+v, %v; want it as the work begins", due, err)
			}
		})
	}
}
