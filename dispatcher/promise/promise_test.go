package promise

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func minutes(n int) clock.Span { return clock.Span(time.Duration(n) * time.Minute) }

// cadence is that of a playbook which says everything.
func cadence() playbook.Cadence {
	return playbook.Cadence{
		FirstNotice: minutes(60), Every: minutes(30), Remind: minutes(10), Holding: 2,
		Notices: []clock.Span{minutes(72 * 60), minutes(24 * 60), minutes(60)},
	}
}

// word is an update that was let go at a minute.
func word(minute int, status incident.Status, change func(*incident.Update)) Word {
	u := incident.Update{Source: "/x", EventID: string(status) + at(minute).Format("15:04"), Time: at(minute)}
	u.Data = incident.Data{
		Team: "pay", Incident: "i1", Kind: incident.Outage, Status: status, Impact: incident.Major, StartedAt: at(0),
		Summary: incident.Text{"en": "Cards fail."},
	}
	switch status {
	case incident.Scheduled, incident.InProgress, incident.Verifying, incident.Completed, incident.Cancelled:
		u.Kind = incident.Maintenance
	default:
	}
	if change != nil {
		change(&u)
	}
	return Word{Update: u, At: at(minute)}
}

// caseOf folds words into a case.
func caseOf(words ...Word) Case {
	c := Case{Cadence: cadence(), Words: words}
	var before *incident.Incident
	for _, w := range words {
		next, v := incident.Fold(before, w.Update, w.At)
		if !v.Announce {
			panic(v)
		}
		before = &next
	}
	if before != nil {
		c.Incident = *before
	}
	return c
}

func promises(next int) func(*incident.Update) {
	return func(u *incident.Update) { u.NextUpdateAt = new(at(next)) }
}

func expects(back int) func(*incident.Update) {
	return func(u *incident.Update) { u.Estimate = &incident.Estimate{At: at(back), Confidence: "low"} }
}

// plans is a maintenance from one minute to another.
func plans(from, to int) func(*incident.Update) {
	return func(u *incident.Update) { u.StartedAt, u.EndsAt = at(from), new(at(to)) }
}

// running lists the clocks that run as "name minute".
func running(c *Case, now int) map[Name][]int {
	all := map[Name][]int{}
	for _, k := range Clocks(c, at(now)) {
		all[k.Name] = append(all[k.Name], int(k.Due.Sub(noon).Minutes()))
	}
	return all
}

func TestClocksThatRun(t *testing.T) {
	const day = 24 * 60
	held := caseOf(word(5, incident.Investigating, nil))
	held.Words = nil
	told := caseOf(word(5, incident.Investigating, promises(40)))
	told.FirstNoticeAt = at(7)
	without := held
	without.Cadence = playbook.Cadence{}
	silent := without
	silent.Cadence = playbook.Cadence{Remind: minutes(5)}
	heldEnd := caseOf(word(5, incident.Investigating, promises(40)), word(30, incident.Resolved, nil))
	heldEnd.Words = heldEnd.Words[:1]
	merged := told
	merged.Incident.MergedInto = "i0"
	off := told
	off.CalledOff = true
	for name, tt := range map[string]struct {
		c    Case
		want map[Name][]int
	}{
		"waiting for approval":              {held, map[Name][]int{FirstNotice: {60}}},
		"without a cadence":                 {without, map[Name][]int{FirstNotice: {60}}},
		"a cadence that promises nothing":   {silent, map[Name][]int{}},
		"told, with a promise":              {told, map[Name][]int{NextUpdate: {40}}},
		"told, without one":                 {caseOf(word(5, incident.Investigating, nil)), map[Name][]int{FirstNotice: {60}, NextUpdate: {35}}},
		"an estimate":                       {caseOf(word(5, incident.Identified, expects(90))), map[Name][]int{FirstNotice: {60}, NextUpdate: {35}, Estimate: {90}}},
		"an estimate that was taken back":   {caseOf(word(5, incident.Identified, expects(90)), word(20, incident.Identified, promises(70))), map[Name][]int{FirstNotice: {60}, NextUpdate: {70}}},
		"a correction leaves what it lacks": {caseOf(word(5, incident.Identified, func(u *incident.Update) { expects(90)(u); promises(40)(u) }), word(10, incident.Correction, nil)), map[Name][]int{FirstNotice: {60}, NextUpdate: {40}, Estimate: {90}}},
		"over":                              {caseOf(word(5, incident.Investigating, promises(40)), word(30, incident.Resolved, nil)), map[Name][]int{}},
		"over, but nobody was told so":      {heldEnd, map[Name][]int{FirstNotice: {60}, NextUpdate: {40}}},
		"it came back":                      {caseOf(word(5, incident.Resolved, nil), word(30, incident.Investigating, promises(50))), map[Name][]int{FirstNotice: {60}, NextUpdate: {50}}},
		"corrected after its end":           {caseOf(word(5, incident.Resolved, nil), word(30, incident.Correction, promises(60))), map[Name][]int{}},
		"merged into another":               {merged, map[Name][]int{}},
		"called off":                        {off, map[Name][]int{}},
		"a maintenance":                     {caseOf(word(0, incident.Scheduled, plans(5*day, 5*day+60))), map[Name][]int{Notice: {2 * day, 4 * day, 5*day - 60}, Overrun: {5*day + 60}}},
		"announced shortly before a notice": {caseOf(word(2*day-17*60, incident.Scheduled, plans(5*day, 5*day+60))), map[Name][]int{Notice: {4 * day, 5*day - 60}, Overrun: {5*day + 60}}},
		"announced after two notices":       {caseOf(word(5*day-120, incident.Scheduled, plans(5*day, 5*day+60))), map[Name][]int{Notice: {5*day - 60}, Overrun: {5*day + 60}}},
		"moved: its notices anew":           {caseOf(word(0, incident.Scheduled, plans(5*day, 5*day+60)), word(100, incident.Scheduled, plans(6*day, 6*day+60))), map[Name][]int{Notice: {3 * day, 5 * day, 6*day - 60}, Overrun: {6*day + 60}}},
		"begun":                             {caseOf(word(0, incident.Scheduled, plans(60, 120)), word(60, incident.InProgress, func(u *incident.Update) { u.StartedAt = at(60) })), map[Name][]int{NextUpdate: {90}, Overrun: {120}}},
		"completed":                         {caseOf(word(0, incident.Scheduled, plans(60, 120)), word(110, incident.Completed, nil)), map[Name][]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, running(&tt.c, 1)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoticesAreGivenByDay(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Chisinau") // three hours ahead of UTC in May
	if err != nil {
		t.Fatal(err)
	}
	day := Day{Begins: 8 * time.Hour, Ends: 21 * time.Hour, Zone: zone}
	local := func(d, h, m int) time.Time { return time.Date(2026, 5, d, h, m, 0, 0, zone) }
	for _, tt := range []struct{ at, want time.Time }{
		{local(6, 12, 0), local(6, 12, 0)}, {local(6, 8, 0), local(6, 8, 0)}, {local(6, 20, 59), local(6, 20, 59)},
		{local(6, 21, 0), local(6, 20, 0)}, {local(6, 23, 30), local(6, 20, 0)}, {local(6, 2, 0), local(5, 20, 0)}, {local(6, 7, 59), local(5, 20, 0)},
	} {
		if got := day.before(tt.at); !got.Equal(tt.want) {
			t.Errorf("%s becomes %s, want %s", tt.at, got.In(zone), tt.want)
		}
	}
	late := Day{Begins: 10 * time.Hour, Ends: 2 * time.Hour, Zone: zone} // it lasts over midnight
	for _, tt := range []struct{ at, want time.Time }{
		{local(6, 1, 0), local(6, 1, 0)}, {local(6, 23, 0), local(6, 23, 0)}, {local(6, 5, 0), local(6, 1, 0)},
	} {
		if got := late.before(tt.at); !got.Equal(tt.want) {
			t.Errorf("in a day over midnight %s becomes %s, want %s", tt.at, got.In(zone), tt.want)
		}
	}
	if got := (Day{}).before(noon); !got.Equal(noon) {
		t.Errorf("without a day, noon becomes %s", got)
	}
	// Work in the night: the notices of three hours and of one are the same evening's.
	c := caseOf(word(0, incident.Scheduled, func(u *incident.Update) { u.StartedAt, u.EndsAt = local(9, 2, 0), new(local(9, 4, 0)) }))
	c.Day, c.Cadence.Notices = day, []clock.Span{minutes(24 * 60), minutes(180), minutes(60)}
	var got []time.Time
	for _, k := range Clocks(&c, at(1)) {
		if k.Name == Notice {
			got = append(got, k.Due.In(zone))
		}
	}
	if diff := cmp.Diff([]time.Time{local(7, 20, 0), local(8, 20, 0)}, got); diff != "" {
		t.Error(diff)
	}
}
