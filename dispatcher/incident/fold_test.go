package incident

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var t0 = time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func upd(status Status, minute int, sequence string) Update {
	u := Update{Source: "/x", EventID: fmt.Sprint(minute), Time: at(minute), Sequence: sequence}
	u.Data = Data{Team: "pay", Incident: "i1", Kind: Outage, Status: status, Impact: Major, StartedAt: t0}
	switch status {
	case Scheduled, InProgress, Verifying, Completed, Cancelled:
		u.Kind = Maintenance
	}
	return u
}

// TestLifecycle keeps the whole table, status by status, in a golden file.
func TestLifecycle(t *testing.T) {
	all := []Status{Investigating, Identified, Monitoring, Resolved, Scheduled, InProgress, Verifying, Completed,
		Cancelled, Postmortem, Correction}
	var b strings.Builder
	for _, kind := range []Kind{Outage, Maintenance} {
		for _, now := range append([]Status{""}, all...) {
			if _, ok := lifecycle(kind)[now]; !ok {
				continue
			}
			var next []string
			for _, s := range all {
				if mayFollow(kind, now, s) {
					next = append(next, string(s))
				}
			}
			fmt.Fprintf(&b, "%s %q -> %s\n", kind, now, strings.Join(next, ", "))
		}
	}
	const file = "testdata/lifecycle.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
	if mayFollow("party", "", Investigating) || mayFollow("party", Resolved, Correction) {
		t.Error("a kind that does not exist has a lifecycle")
	}
}

func fold(t *testing.T, updates ...Update) Incident {
	t.Helper()
	var inc *Incident
	for i, u := range updates {
		next, v := Fold(inc, u, at(1000))
		if !v.Announce {
			t.Fatalf("update %d (%s) is not announced: %+v", i, u.Status, v)
		}
		inc = &next
	}
	return *inc
}

func TestFoldOutage(t *testing.T) {
	resolved := upd(Resolved, 30, "")
	resolved.ResolvedAt = new(at(28))
	promise := upd(Identified, 10, "")
	promise.NextUpdateAt = new(at(40))
	got := fold(t, upd(Investigating, 1, ""), promise, resolved)
	want := Incident{Team: "pay", ID: "i1", Kind: Outage, Status: Resolved, Impact: Major,
		Time: at(30), Newest: "30", StartedAt: t0, ResolvedAt: new(at(28)), Updates: 3, Affects: &Audience{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.Over() {
		t.Error("not over")
	}
	again := fold(t, upd(Investigating, 1, ""), resolved, upd(Investigating, 60, ""))
	if again.Over() || again.ResolvedAt != nil {
		t.Errorf("reopened, but still over: %+v", again)
	}
	end := fold(t, upd(Investigating, 1, ""), resolved, upd(Postmortem, 600, ""), upd(Correction, 700, ""))
	if end.Status != Postmortem || end.ResolvedAt == nil || !end.Time.Equal(at(700)) {
		t.Errorf("after the correction: %+v", end)
	}
}

func TestFoldMaintenance(t *testing.T) {
	scheduled := upd(Scheduled, 1, "")
	scheduled.EndsAt = new(at(120))
	got := fold(t, scheduled, upd(InProgress, 60, ""), upd(Completed, 110, ""))
	want := Incident{Team: "pay", ID: "i1", Kind: Maintenance, Status: Completed, Impact: Major,
		Time: at(110), Newest: "110", StartedAt: t0, EndsAt: new(at(120)), ResolvedAt: new(at(110)), Updates: 3, Affects: &Audience{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if off := fold(t, scheduled, upd(Cancelled, 5, "")); !off.Over() || off.ResolvedAt != nil {
		t.Errorf("cancelled: %+v", off)
	}
}

func TestFoldOrder(t *testing.T) {
	for _, tt := range []struct {
		name              string
		firstSeq, thenSeq string
		firstMin, thenMin int
		announce          bool
		reason            Reason
	}{
		{"later time", "", "", 1, 2, true, ""},
		{"earlier time", "", "", 2, 1, false, Older},
		{"same time", "", "", 2, 2, false, Equal},
		{"sequence beats time", "1", "2", 9, 3, true, ""},
		{"numbers, not text", "9", "10", 1, 1, true, ""},
		{"leading zeros", "009", "9", 1, 2, false, Equal},
		{"numbers of any size", "99999999999999999999", "100000000000000000000", 1, 1, true, ""},
		{"text", "b", "a", 1, 2, false, Older},
		{"number against text", "10", "1a", 2, 1, true, ""},
		{"only one has a sequence", "", "1", 1, 2, true, ""},
		{"only the other has one", "5", "", 2, 1, false, Older},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inc := fold(t, upd(Investigating, tt.firstMin, tt.firstSeq))
			next, v := Fold(&inc, upd(Identified, tt.thenMin, tt.thenSeq), at(60))
			if v.Announce != tt.announce || v.Reason != tt.reason || v.Faults != nil {
				t.Errorf("verdict %+v", v)
			}
			if !tt.announce {
				inc.Updates = 2
				if diff := cmp.Diff(inc, next); diff != "" {
					t.Errorf("an update kept as not announced changed the incident: %s", diff)
				}
			}
		})
	}
}

func TestFoldRefuses(t *testing.T) {
	known := fold(t, upd(Investigating, 1, ""))
	stranger := upd(Scheduled, 2, "")
	stranger.Team, stranger.Incident = "cards", "i2"
	for _, tt := range []struct {
		name string
		inc  *Incident
		u    Update
		want []string
	}{
		{"ahead", nil, upd(Investigating, 63, ""), []string{"ce.time is more than 2m0s ahead of our clock"}},
		{"ahead of a known one", &known, upd(Investigating, 63, ""), []string{"ce.time is more than 2m0s ahead of our clock"}},
		{"first is a postmortem", nil, upd(Postmortem, 1, ""), []string{"data.status must not be postmortem in the first update"}},
		{"first is a correction", nil, upd(Correction, 1, ""), []string{"data.status must not be correction in the first update"}},
		{"postmortem too soon", &known, upd(Postmortem, 2, ""), []string{"data.status must not be postmortem after investigating"}},
		{"merged into itself", &known, merging(upd(Identified, 2, ""), "i1"), []string{"data.merged_into must be another incident than its own"}},
		{"another incident's", &known, stranger, []string{"data.incident is not i1", "data.kind must stay outage", "data.team must stay pay"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next, v := Fold(tt.inc, tt.u, at(60))
			var got []string
			for _, f := range v.Faults {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || v.Announce || v.Reason != Refused {
				t.Errorf("verdict %+v: %s", v, diff)
			}
			before := Incident{}
			if tt.inc != nil {
				before = *tt.inc
			}
			if diff := cmp.Diff(before, next); diff != "" {
				t.Errorf("a refused update changed the incident: %s", diff)
			}
		})
	}
	if _, v := Fold(nil, upd(Investigating, 62, ""), at(60)); !v.Announce {
		t.Errorf("two minutes ahead is refused: %+v", v)
	}
}

// merging makes u the update that merges its incident.
func merging(u Update, into string) Update {
	u.MergedInto = into
	return u
}

func TestFoldMerged(t *testing.T) {
	spoken, silent := merging(upd(Identified, 2, ""), "dc"), merging(upd(Identified, 2, ""), "dc")
	spoken.Summary = Text{"en": "It is part of the data centre's outage."}
	first := fold(t, upd(Investigating, 1, ""))
	later := upd(Resolved, 3, "")
	later.Affects.Services = []string{"atm"}
	for _, tt := range []struct {
		name   string
		first  *Incident
		u      Update
		want   Verdict
		merged string
	}{
		{"says something", &first, spoken, Verdict{Announce: true}, "dc"},
		{"says nothing", &first, silent, Verdict{Reason: "merged into dc"}, "dc"},
		{"known by its merging only", nil, silent, Verdict{Reason: "merged into dc"}, "dc"},
		{"older", &first, merging(upd(Identified, 0, ""), "dc"), Verdict{Reason: Older}, ""},
	} {
		next, v := Fold(tt.first, tt.u, at(60))
		if diff := cmp.Diff(tt.want, v); diff != "" || next.MergedInto != tt.merged {
			t.Errorf("%s: merged into %q, verdict %s", tt.name, next.MergedInto, diff)
		}
	}
	merged, _ := Fold(&first, silent, at(60))
	for _, u := range []Update{later, merging(later, "elsewhere")} {
		next, v := Fold(&merged, u, at(60))
		if v.Announce || v.Reason != "merged into dc" || next.MergedInto != "dc" || next.Status != Resolved || next.Affects.Services[0] != "atm" {
			t.Errorf("a merged incident goes on to %+v, verdict %+v", next, v)
		}
	}
}

func TestCorrectionsAffectNobodyNew(t *testing.T) {
	first, correction := upd(Investigating, 1, ""), upd(Correction, 2, "")
	first.Affects.Services = []string{"cards"}
	if got := fold(t, first, correction).Affects; len(got.Services) != 1 {
		t.Errorf("after a correction the incident affects %+v", got)
	}
}

func TestImpactAtLeast(t *testing.T) {
	order := []Impact{Minor, Major, Critical}
	for i, a := range order {
		for j, b := range order {
			if a.AtLeast(b) != (i >= j) {
				t.Errorf("%s at least %s: %v", a, b, a.AtLeast(b))
			}
		}
	}
}

// Updates whose statuses may come in any order: whichever way they arrive, the incident ends as the
// newest says, all are kept, and what is announced only goes forward.
func TestFoldAnyArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbered := rapid.Bool().Draw(t, "numbered")
		n := rapid.IntRange(1, 8).Draw(t, "n")
		var all []Update
		for i := range n {
			status := rapid.SampledFrom([]Status{Investigating, Identified, Monitoring}).Draw(t, "status")
			u := upd(status, i, "")
			if numbered {
				u.Sequence, u.Time = fmt.Sprint(i), at(rapid.IntRange(0, 9).Draw(t, "minute"))
			}
			all = append(all, u)
		}
		newest := all[n-1]
		arrivals := rapid.Permutation(all).Draw(t, "arrivals")
		var inc *Incident
		announced := -1
		for _, u := range arrivals {
			next, v := Fold(inc, u, at(60))
			place := slices.IndexFunc(all, func(x Update) bool { return x.EventID == u.EventID })
			if v.Announce != (place > announced) {
				t.Fatalf("update %d after %d: %+v", place, announced, v)
			}
			announced = max(announced, place)
			inc = &next
		}
		if inc.Status != newest.Status || !inc.Time.Equal(newest.Time) || inc.Sequence != newest.Sequence || inc.Updates != n {
			t.Fatalf("ended as %+v, newest is %+v", inc, newest)
		}
	})
}

// Any updates at all: the incident never goes back in its order, follows the table, and is what the
// last announced update says.
func TestFoldAlwaysLegal(t *testing.T) {
	tables := map[Kind][]Status{
		Outage:      {Investigating, Identified, Monitoring, Resolved, Postmortem, Correction},
		Maintenance: {Scheduled, InProgress, Verifying, Completed, Cancelled, Postmortem, Correction},
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{Outage, Maintenance}).Draw(t, "kind")
		var inc *Incident
		for range rapid.IntRange(1, 20).Draw(t, "n") {
			u := upd(rapid.SampledFrom(tables[kind]).Draw(t, "status"), rapid.IntRange(0, 70).Draw(t, "minute"), "")
			u.Kind = kind
			next, v := Fold(inc, u, at(60))
			switch {
			case v.Announce && inc != nil && !next.Time.After(inc.Time):
				t.Fatalf("went back from %v to %v", inc.Time, next.Time)
			case v.Announce && u.Status != Correction && next.Status != u.Status:
				t.Fatalf("%s announced, status %s", u.Status, next.Status)
			case v.Announce && u.Status == Correction && (inc == nil || next.Status != inc.Status):
				t.Fatalf("a correction moved the status to %s", next.Status)
			case v.Announce == (v.Reason != ""), (v.Reason == Refused) != (len(v.Faults) > 0):
				t.Fatalf("unreasoned verdict %+v", v)
			}
			if v.Reason != Refused {
				inc = &next
			}
		}
	})
}
