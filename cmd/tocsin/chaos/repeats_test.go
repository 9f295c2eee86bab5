package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// TestRepeats: a second message is excused by a crash of the process that sent the first, soon after that,
// and by nothing else. The first one was taken a second after the drill's beginning.
func TestRepeats(t *testing.T) {
	fault := func(k Kind, target string, from, to float64) inflicted {
		return inflicted{Fault: Fault{Kind: k, Target: target}, From: at(from), To: at(to)}
	}
	one := func(k Kind, target string, from, to float64) []inflicted {
		return []inflicted{fault(k, target, from, to)}
	}
	lane1 := tenures{"sms": {{at(-50), "lane-1"}, {at(20), "lane-2"}}}
	for _, tt := range []struct {
		name    string
		faults  []inflicted
		tenures tenures
		says    string // what is found, "" if nothing
	}{
		{"no fault", nil, nil, "before no crash"},
		{"its lane is killed", one(Kill, "lane-1", 1.3, 3), lane1, ""},
		{"the only process is killed", one(Kill, "lane-1", 1.3, 3), nil, ""},
		{"its lane is killed long after", one(Kill, "lane-1", 7, 8), lane1, "before no crash"},
		{"its lane was killed before", one(Kill, "lane-1", -3, 0), lane1, "before no crash"},
		{"its lane was killed while a slow provider had it", one(Kill, "lane-1", -1, 5), lane1, ""},
		{"another lane is killed", one(Kill, "lane-2", 1.3, 3), lane1, "before no crash"},
		{"what is no lane is killed", one(Kill, "http-1", 1.3, 3), nil, "before no crash"},
		{"its lane is stopped in order", one(Term, "lane-1", 1.3, 3), lane1, "before no crash"},
		{"its lane does not stop in order", append(one(Term, "lane-1", -40, 3), fault(Overdue, "lane-1", 1.3, 1.3)), lane1, ""},
		{"its lane is stopped without room for its results", append(one(Term, "lane-1", 1.3, 3), fault(FullStream, "RESULTS", 0.5, 9)), lane1, ""},
		{"its lane has no room for its results", one(FullStream, "RESULTS", 0.5, 9), lane1, "before no crash"},
		{"its lane is killed long after there was no more room", append(one(Kill, "lane-1", 8, 9), fault(FullStream, "RESULTS", 0.5, 9)), lane1, ""},
		{"its lane is killed long after another stream was full", append(one(Kill, "lane-1", 8, 9), fault(FullStream, "SEND", 0.5, 9)), lane1, "before no crash"},
		{"its lane is frozen", one(Freeze, "lane-1", 0, 9), lane1, ""},
		{"its lane is cut off", one(CutNATS, "lane-1", -5, 0), lane1, ""},
		{"a server is lost", one(KillNode, "nats-1", 2, 5), lane1, ""},
		{"a provider is out of order", one(Conduct, "twilio", 1, 5), lane1, "before no crash"},
		{"the database is lost", one(KillLedger, postgresName, 1, 5), lane1, "before no crash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene()
			s.incidents[0].updates[0].Update.Update.Impact = incident.Critical
			s.faults, s.tenures = tt.faults, tt.tenures
			s.sent = append(s.sent, s.message("Q00001Z", at(30)))
			r := s.check()
			if r.counts.repeats != 1 {
				t.Errorf("%d repeats, want 1", r.counts.repeats)
			}
			if tt.says == "" && r.counts.repeatBound < 1 {
				t.Error("it is excused, and not in the bound")
			}
			expect(t, r.findings, tt.says)
		})
	}
}

// expect wants all findings to say something, or that there are none.
func expect(t *testing.T, found []finding, says string) {
	t.Helper()
	if (len(found) > 0) != (says != "") || slices.ContainsFunc(found, func(f finding) bool { return f.check != "repeats" || !strings.Contains(f.what, says) }) {
		t.Errorf("found %q, want %q", found, says)
	}
}

// TestRepeatsThatAreNeverExcused whatever crashes.
func TestRepeatsThatAreNeverExcused(t *testing.T) {
	s := newScene() // of minor impact
	s.faults = []inflicted{{Fault: Fault{Kind: Kill, Target: "lane-1"}, From: at(1.5)}}
	s.sent = append(s.sent, s.message("Q00001Z", at(30)))
	expect(t, s.check().findings, "nothing in doubt is to be sent again")
	s.incidents[0].updates[0].Update.Update.Impact = incident.Critical
	s.published["Q00001Z"] = published{Calm: true}
	expect(t, s.check().findings, "before any fault")
	s.published["Q00001Z"] = published{}
	s.public = func(string) bool { return true }
	expect(t, s.check().findings, "was posted 2 times")
}

// TestRepeatsAreBounded: a crash excuses no more than a window of what was under way, and each message
// that is sent again and again needs a crash each time.
func TestRepeatsAreBounded(t *testing.T) {
	s := newScene()
	s.incidents[0].updates[0].Update.Update.Impact = incident.Critical
	s.faults = []inflicted{{Fault: Fault{Kind: Kill, Target: "lane-1"}, From: at(1.5)}}
	for _, when := range []time.Time{at(1.1), at(1.2), at(30)} { // the window is two
		s.sent = append(s.sent, s.message("Q00001Z", when))
	}
	r := s.check()
	if r.counts.repeats != 3 || r.counts.repeatBound != 2 || r.counts.unrecorded != 500*time.Millisecond {
		t.Errorf("%d repeats of at most %d, up to %v before; want 3 of 2, 0.5s", r.counts.repeats, r.counts.repeatBound, r.counts.unrecorded)
	}
	expect(t, r.findings, "1 more messages on sms were repeated after")
	s.sent = s.sent[:3]
	s.sent = append(s.sent, s.message("Q00001Z", at(30)), s.message("Q00001Z", at(40)))
	found := s.check().findings
	if !slices.ContainsFunc(found, func(f finding) bool { return strings.Contains(f.what, "before no crash") }) {
		t.Errorf("found %q, want the one that was sent again without a crash", found)
	}
}

// TestTenures reads who held a lane, and when.
func TestTenures(t *testing.T) {
	all := tenures{}
	for process, log := range map[string]string{
		"lane-1": "time=2026-03-07T13:00:00.000Z level=INFO msg=\"lease taken\" lease=lane-sms last_holder=\"\"\n" +
			"time=2026-03-07T13:00:01.000Z level=INFO msg=\"lease taken\" lease=planner last_holder=\"\"\n",
		"lane-2": "half a line\ntime=2026-03-07T13:00:20.000Z level=INFO msg=\"lease taken\" lease=lane-sms last_holder=\"lane-1\"\n",
	} {
		if err := all.read(process, strings.NewReader(log)); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) != 1 {
		t.Errorf("%d channels, want one", len(all))
	}
	for _, tt := range []struct {
		process, channel string
		from, to         float64
		want             bool
	}{
		{"lane-1", "sms", -9, -1, false},
		{"lane-1", "sms", -9, 1, true},
		{"lane-1", "sms", 19, 30, true},
		{"lane-1", "sms", 21, 30, false},
		{"lane-2", "sms", 15, 19, false},
		{"lane-2", "sms", 100, 101, true},
		{"lane-2", "email", 100, 101, false},
	} {
		if got := all.held(tt.process, tt.channel, at(tt.from), at(tt.to)); got != tt.want {
			t.Errorf("%s held %s from %v to %v: %v", tt.process, tt.channel, tt.from, tt.to, got)
		}
	}
}
