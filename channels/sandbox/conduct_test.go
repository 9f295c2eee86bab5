package sandbox

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

func TestFateByDigit(t *testing.T) {
	c := Conduct{ByDigit: true, Refuse: 1, Read: 1} // the shares are to be ignored
	for address, want := range map[string]Fate{
		"+37369000109":             {Refused: true},
		"+37369000108":             {Lost: true},
		"+37369000107":             {Late: true},
		"+37369000106":             {Duplicated: true},
		"+37369000105":             {Reordered: true},
		"+37369000104":             {},
		"+37369000100":             {},
		"someone.9@mail.example":   {Refused: true},
		"a8-b":                     {Lost: true},
		"someone@mail.example":     {},
		"":                         {},
		"ж9":                       {Refused: true},
		"someone1.9@mail7.example": {Late: true},
	} {
		if got := c.fate("p", address); got != want {
			t.Errorf("fate of %q = %+v, want %+v", address, got, want)
		}
	}
}

// TestShares: fates come in about the shares asked for, each address in one of them.
func TestShares(t *testing.T) {
	const n = 20_000
	c := Conduct{Refuse: 0.05, Lose: 0.1, Late: 0.15, Duplicate: 0.2, Reorder: 0.25, Read: 0.5}
	var refused, lost, late, duplicated, reordered, read int
	for i := range n {
		f := c.fate("p", fmt.Sprintf("+3736%07d", i))
		count := 0
		for _, x := range []struct {
			is bool
			n  *int
		}{{f.Refused, &refused}, {f.Lost, &lost}, {f.Late, &late}, {f.Duplicated, &duplicated}, {f.Reordered, &reordered}} {
			if x.is {
				*x.n++
				count++
			}
		}
		if count > 1 {
			t.Fatalf("fate %+v is more than one", f)
		}
		if f.Read {
			read++
		}
	}
	for _, x := range []struct {
		name  string
		got   int
		share float64
	}{{"refused", refused, c.Refuse}, {"lost", lost, c.Lose}, {"late", late, c.Late},
		{"duplicated", duplicated, c.Duplicate}, {"reordered", reordered, c.Reorder}, {"read", read, c.Read}} {
		// Six standard deviations of a binomial distribution: once in a billion runs.
		if slack := 6 * math.Sqrt(n*x.share*(1-x.share)); math.Abs(float64(x.got)-n*x.share) > slack {
			t.Errorf("%d of %d %s, want about %.0f", x.got, n, x.name, n*x.share)
		}
	}
}

// TestWordIsLostWhateverHappens: shares of lost word come beside every other fate.
func TestWordIsLostWhateverHappens(t *testing.T) {
	const n = 20_000
	for _, byDigit := range []bool{true, false} {
		c := Conduct{ByDigit: byDigit, Refuse: 0.1, Unreported: 0.3, Unanswered: 0.5, Dropped: 0.2}
		var unreported, unanswered, dropped, refused int
		for i := range n {
			f := c.fate("p", fmt.Sprintf("+3736%07d", i))
			if f.Unreported {
				unreported++
			}
			if f.Unanswered {
				unanswered++
			}
			if f.Dropped {
				dropped++
			}
			if f.Refused {
				refused++
			}
		}
		for _, x := range []struct {
			got   int
			share float64
		}{{unreported, 0.3}, {dropped, 0.2}, {unanswered, 0.5}, {refused, 0.1}} {
			if slack := 6 * math.Sqrt(n*x.share*(1-x.share)); math.Abs(float64(x.got)-n*x.share) > slack {
				t.Errorf("by digit %v: %d of %d, want about %.0f", byDigit, x.got, n, n*x.share)
			}
		}
	}
}

func TestAnAddressKeepsItsFate(t *testing.T) {
	c := Conduct{Refuse: 0.3, Lose: 0.3, Read: 0.5}
	for i := range 100 {
		address := fmt.Sprint(i)
		if once, again := c.fate("p", address), c.fate("p", address); once != again {
			t.Errorf("the fate of %q changes from %+v to %+v", address, once, again)
		}
	}
}

func TestMuteLosesAll(t *testing.T) {
	c := Conduct{Mode: Mute}
	f := c.fate("p", "+37369000100")
	if !f.Lost || c.reports(f) != nil {
		t.Errorf("a mute provider's fate is %+v, its reports %v; want lost and none", f, c.reports(f))
	}
}

// TestReports checks what is said of each fate, in the order of the times at which it is said.
func TestReports(t *testing.T) {
	c := Conduct{ReceiptAfter: Duration(10 * time.Second), LateBy: Duration(time.Minute)}
	for name, tt := range map[string]struct {
		fate Fate
		want []string
		last time.Duration // at the earliest
	}{
		"delivered":  {Fate{}, []string{"sent", "delivered"}, 10 * time.Second},
		"read":       {Fate{Read: true}, []string{"sent", "delivered", "read"}, 20 * time.Second},
		"refused":    {Fate{Refused: true}, nil, 0},
		"lost":       {Fate{Lost: true}, []string{"sent"}, 0},
		"lost, read": {Fate{Lost: true, Read: true}, []string{"sent"}, 0},
		"late":       {Fate{Late: true}, []string{"sent", "delivered"}, 70 * time.Second},
		"duplicated": {Fate{Duplicated: true}, []string{"sent", "sent", "delivered", "delivered"}, 10 * time.Second},
		"reordered":  {Fate{Reordered: true}, []string{"delivered", "sent"}, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			rs := c.reports(tt.fate)
			if !slices.IsSortedFunc(rs, func(a, b Report) int { return int(a.After - b.After) }) {
				t.Errorf("reports %v are listed in another order than they come in", rs)
			}
			var got []string
			for _, r := range rs {
				got = append(got, r.State)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("reports %v, want %v", got, tt.want)
			}
			if len(rs) > 0 && rs[len(rs)-1].After < tt.last {
				t.Errorf("the last report comes after %v, want %v or more", rs[len(rs)-1].After, tt.last)
			}
		})
	}
}

func TestDurationJSON(t *testing.T) {
	b, err := json.Marshal(Conduct{Latency: Duration(250 * time.Millisecond)})
	if err != nil || string(b) != `{"latency":"250ms"}` {
		t.Errorf("written as %s, %v", b, err)
	}
	var c Conduct
	if err := json.Unmarshal([]byte(`{"latency":"1m30s"}`), &c); err != nil || time.Duration(c.Latency) != 90*time.Second {
		t.Errorf("read as %v, %v", time.Duration(c.Latency), err)
	}
	for _, bad := range []string{`{"latency":"soon"}`, `{"latency":5}`} {
		if err := json.Unmarshal([]byte(bad), &c); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
