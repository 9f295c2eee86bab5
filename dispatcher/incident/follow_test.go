package incident

import "testing"

// automatic is what Tocsin says by itself at a minute, after the update of an event.
func automatic(minute int, follows string) Update {
	u := upd(Investigating, minute, "")
	u.Automatic, u.Follows = Holding, follows
	return u
}

func TestFoldWhatTocsinSays(t *testing.T) {
	inc := fold(t, upd(Investigating, 10, "7"))
	next, v := Fold(&inc, automatic(40, "10"), at(1000))
	if !v.Announce || next.Newest != "40" || !next.Time.Equal(at(10)) || next.Sequence != "7" || next.Updates != 2 {
		t.Errorf("a holding update: %+v, %+v; want it announced, and the order as it was", v, next)
	}
	if _, v := Fold(&next, automatic(70, "40"), at(1000)); !v.Announce {
		t.Errorf("a second one, behind the first: %+v", v)
	}
	// The team's own update was made before the holding one, and comes after it.
	if own, v := Fold(&next, upd(Identified, 39, "8"), at(1000)); !v.Announce || own.Newest != "39" {
		t.Errorf("the team's own update meanwhile: %+v", v)
	}
	// And the other way round: what Tocsin says is old news then, whatever its time.
	own := fold(t, upd(Investigating, 10, "7"), upd(Identified, 39, "8"))
	after, v := Fold(&own, automatic(40, "10"), at(1000))
	if v.Announce || v.Reason != Overtaken || after.Newest != "39" || after.Status != Identified {
		t.Errorf("a holding update that was overtaken: %+v, %+v", v, after)
	}
	end := upd(Resolved, 50, "9")
	end.ResolvedAt = new(at(50))
	over := fold(t, upd(Investigating, 10, "7"), end)
	if _, v := Fold(&over, automatic(51, "10"), at(1000)); v.Announce || v.Reason != Overtaken {
		t.Errorf("a holding update after the end: %+v", v)
	}
	if _, v := Fold(nil, automatic(51, "10"), at(1000)); len(v.Faults) != 1 || v.Faults[0].Path != "data.follows" {
		t.Errorf("a holding update of nothing: %+v", v)
	}
}

func TestFoldWhatTocsinSaysOfAnOlderLedger(t *testing.T) {
	inc := fold(t, upd(Investigating, 10, ""))
	inc.Newest = "" // as an older version kept it
	if _, v := Fold(&inc, automatic(40, "10"), at(1000)); !v.Announce {
		t.Errorf("behind what is not known: %+v, want its time to decide", v)
	}
	if _, v := Fold(&inc, automatic(9, "10"), at(1000)); v.Announce {
		t.Error("one that is older is announced")
	}
}

func TestWhatTocsinSaysRepeats(t *testing.T) {
	before := upd(Identified, 10, "")
	before.Summary, before.NextUpdateAt, before.MissedEstimate = Text{"en": "Cards fail."}, new(at(40)), new(at(5))
	before.Estimate = &Estimate{At: at(60), Confidence: "low"}
	for name, tt := range map[string]struct {
		change func(*Update)
		ok     bool
	}{
		"the same":                   {func(*Update) {}, true},
		"another time":               {func(u *Update) { u.NextUpdateAt = new(at(70)) }, true},
		"the estimate is missed":     {func(u *Update) { u.Estimate, u.MissedEstimate = nil, new(at(60)) }, true},
		"another summary":            {func(u *Update) { u.Summary = Text{"en": "All works."} }, false},
		"a link":                     {func(u *Update) { u.Link = "https://example.com" }, false},
		"another estimate":           {func(u *Update) { u.Estimate = &Estimate{At: at(90), Confidence: "low"} }, false},
		"no estimate":                {func(u *Update) { u.Estimate = nil }, false},
		"another estimate is missed": {func(u *Update) { u.Estimate, u.MissedEstimate = nil, new(at(61)) }, false},
		"for others":                 {func(u *Update) { u.Affects.Recipients = []string{"c-1"} }, false},
		"with another playbook":      {func(u *Update) { u.Playbook = "generic" }, false},
		"a status further":           {func(u *Update) { u.Status = Monitoring }, false},
		"merged":                     {func(u *Update) { u.MergedInto = "other" }, false},
	} {
		u := before
		u.Automatic, u.Follows, u.MissedEstimate = Holding, "10", nil
		tt.change(&u)
		if faults := RepeatFaults(&u, &before); (len(faults) == 0) != tt.ok {
			t.Errorf("%s: %v", name, faults)
		}
	}
}
