package fallback

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// usual is what is known of a provider of whose attempts so many in a hundred end in silence.
func usual(silent int, at time.Time) silence {
	return silence{history: observed{All: 1000, Silent: float64(10 * silent)}, at: at}
}

func TestHasStopped(t *testing.T) {
	for _, tt := range []struct {
		name        string
		s           silence
		all, silent int
		othersHeard bool
		stopped     bool
	}{
		{"all silent", usual(5, now), 100, 100, true, true},
		{"nobody is heard: it may be us", usual(5, now), 100, 100, false, false},
		{"too few to say", usual(5, now), 19, 19, true, false},
		{"just enough", usual(5, now), 20, 20, true, true},
		{"as ever", usual(5, now), 1000, 50, true, false},
		{"twice as ever", usual(5, now), 1000, 100, true, false},
		{"a quarter is not yet much", usual(1, now), 1000, 250, true, false},
		{"more than a quarter", usual(1, now), 1000, 260, true, true},
		{"never silent before", usual(0, now), 100, 30, true, true},
		{"three times as ever", usual(12, now), 1000, 370, true, true},
		{"much is silent as ever", usual(60, now), 1000, 620, true, false},
		{"much was silent, and now all is", usual(60, now), 1000, 1000, true, true},
		{"much was silent, and now nearly all is", usual(60, now), 1000, 790, true, false},
		{"nearly all is silent as ever", usual(97, now), 30, 30, true, false},
		{"all is silent as ever", usual(100, now), 5000, 5000, true, false},
		{"no history to speak of", silence{history: observed{All: 49}, at: now}, 5000, 5000, true, false},
		{"nothing known", silence{}, 5000, 5000, true, false},
	} {
		s := tt.s
		s.ended(tt.all, tt.silent, now, now)
		if changed := s.judge(tt.othersHeard, now); changed != tt.stopped || s.stopped != tt.stopped {
			t.Errorf("%s: stopped is %v, want %v", tt.name, s.stopped, tt.stopped)
		}
	}
}

func TestComesAgain(t *testing.T) {
	for _, tt := range []struct {
		name          string
		usual         int
		given, proven int
		after         time.Duration
		again         bool
	}{
		{"enough, and long enough", 5, 5, 5, leastClosed, true},
		{"too soon", 5, 5, 5, leastClosed - time.Second, false},
		{"too few", 5, 4, 4, time.Minute * 30, false},
		{"less than half", 5, 100, 40, time.Minute * 30, false},
		{"about half", 5, 100, 48, time.Minute * 30, true},
		{"half of the usual", 60, 100, 21, time.Minute * 30, true},
		{"nothing was tried for long", 5, 0, 0, forgiven, true},
		{"nothing was tried, not for so long", 5, 0, 0, forgiven - time.Second, false},
	} {
		s := usual(tt.usual, now)
		s.turn(true, now)
		s.took(tt.given, now)
		s.heard(tt.proven, now)
		if s.judge(true, now.Add(tt.after)); s.stopped == tt.again {
			t.Errorf("%s: receipts come again is %v, want %v", tt.name, !s.stopped, tt.again)
		}
	}
}

// TestNoFlapping: what a provider took before it was judged does not judge it again, however late its
// silence is noticed.
func TestNoFlapping(t *testing.T) {
	s := usual(5, now)
	s.ended(100, 100, now, now)
	if !s.judge(true, now) {
		t.Fatal("not stopped")
	}
	later := now.Add(2 * time.Minute)
	s.heard(50, later)
	if !s.judge(true, later) {
		t.Fatal("does not come again")
	}
	for i := range 1000 {
		at := later.Add(time.Duration(i) * time.Second)
		s.ended(100, 100, later.Add(-time.Second), at)
		if s.judge(true, at) {
			t.Fatal("judged again for what it took before")
		}
	}
	at := later.Add(time.Hour)
	s.ended(100, 100, later.Add(time.Second), at)
	if !s.judge(true, at) {
		t.Error("what it took since is silent, and nothing follows")
	}
}

// TestHistoryFades: what is recent becomes history, but not while the provider is only probed.
func TestHistoryFades(t *testing.T) {
	s := silence{at: now}
	s.ended(1000, 100, now, now)
	if s.history.All != 0 {
		t.Error("what has just happened is history already")
	}
	s.fade(now.Add(10 * recentHalf))
	if all, share := s.history.All, s.history.share(); all < 900 || all > 1000 || share < 0.099 || share > 0.101 {
		t.Errorf("of 1000 attempts, a tenth silent, the history knows %v with a share of %v", all, share)
	}
	s.turn(true, s.at)
	s.ended(1000, 1000, s.at, s.at)
	s.fade(s.at.Add(10 * recentHalf))
	if share := s.history.share(); share > 0.101 {
		t.Errorf("the probes of a silent provider are held against its history: %v", share)
	}
}

// TestChanceStopsNobody: a provider that goes on as ever is never judged, whatever its usual share
// and however its traffic comes; one that falls silent is, before long.
func TestChanceStopsNobody(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		share := rapid.Float64Range(0, 0.8).Draw(rt, "usual share")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		s, at := silence{}, now
		step := func(share float64) {
			all := rapid.IntRange(1, 256).Draw(rt, "attempts")
			at = at.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "seconds")) * time.Second)
			silent := 0
			for range all {
				if random.Float64() < share {
					silent++
				}
			}
			s.ended(all, silent, at, at)
		}
		for s.history.All < 2*historySample {
			step(share)
		}
		for range 60 {
			step(share)
			if s.judge(true, at) {
				rt.Fatalf("judged for a share that is as ever: %v after %v of %v", s.by.share(), s.history.share(), s.history.All)
			}
		}
		for i := 0; !s.judge(true, at); i++ {
			if step(1); i > 60 {
				rt.Fatalf("silent for long, and not judged: %+v", s)
			}
		}
	})
}
