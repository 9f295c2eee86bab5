package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

func TestSeen(t *testing.T) {
	a, b := ledger.TextDigest{Kind: "sms", Locale: "en", Hash: "1"}, ledger.TextDigest{Kind: "email", Locale: "en", Hash: "2"}
	both := []ledger.TextDigest{a, b}
	if ledger.Seen(both, nil) != ledger.Seen([]ledger.TextDigest{b, a}, nil) || both[0] != a {
		t.Error("the order of texts is seen, or changed")
	}
	other := a
	other.Hash = "3"
	different := []string{
		ledger.Seen(both, nil), ledger.Seen(both[:1], nil), ledger.Seen([]ledger.TextDigest{other, b}, nil),
		ledger.Seen(both, []byte("{}")), ledger.Seen(both, []byte(`{"a":1}`)), ledger.Seen(nil, nil),
	}
	slices.Sort(different)
	if n := len(slices.Compact(different)); n != 6 {
		t.Errorf("%d different hashes, want 6", n)
	}
}

func TestSamePerson(t *testing.T) {
	ana := ledger.ApprovalSaid{By: "Ana Rusu", Account: "ana"}
	for _, tt := range []struct {
		by, account string
		same        bool
	}{
		{"Ana Rusu", "ana", true}, {"Ana Rusu", "phone", true}, {" ana  RUSU", "phone", true}, {"Ana Popa", "ana", true},
		{"Ion Ceban", "ion", false}, {"Ana Rusu (by token ops)", "", false},
	} {
		if o := (ledger.ApprovalSaid{By: tt.by, Account: tt.account}); ana.SamePerson(&o) != tt.same || o.SamePerson(&ana) != tt.same {
			t.Errorf("%+v: the same: %v", o, !tt.same)
		}
	}
}

// TestNothingGoesUnapproved: whatever people say in whatever order, and whenever time is looked at, an update is
// let go only by as many different people as its rule asks, a break-glass with a reason, or its time.
func TestNothingGoesUnapproved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		came := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
		h := ledger.Hearing{ID: 7, ReceivedAt: came, Texts: []ledger.TextDigest{{Kind: "sms", Locale: "en", Hash: "1"}}, Rule: playbook.Approval{
			People: rapid.IntRange(0, 3).Draw(t, "people"), TimeOut: clock.Span(rapid.IntRange(0, 2).Draw(t, "minutes")) * clock.Span(time.Minute),
			Then: rapid.SampledFrom([]playbook.TimedOut{"", playbook.SendIt, playbook.DropIt}).Draw(t, "then"),
		}}
		people, state := map[string]bool{}, ledger.Held
		for n := 0; n < 12 && state == ledger.Held; n++ {
			now := came.Add(time.Duration(n) * 20 * time.Second)
			h.Newer = int64(rapid.SampledFrom([]int{0, 0, 0, 9}).Draw(t, "newer"))
			who := fmt.Sprint("person ", rapid.IntRange(0, 2).Draw(t, "who"))
			a := ledger.Approval{By: who, Account: rapid.SampledFrom([]string{who, who, ""}).Draw(t, "account"), At: now,
				Seen: rapid.SampledFrom([]string{ledger.Seen(h.Texts, nil), ledger.Seen(h.Texts, nil), "other"}).Draw(t, "seen"),
				Why:  rapid.SampledFrom([]string{"", "alone"}).Draw(t, "why")}
			verb := rapid.SampledFrom([]string{"yes", "yes", "yes", "glass", "no", "time"}).Draw(t, "verb")
			a.BreakGlass = verb == "glass"
			var d ledger.Decision
			var err error
			switch verb {
			case "no":
				d, err = h.Refuse(&a)
			case "time":
				d, err = h.TimeOut(now)
			default:
				d, err = h.Approve(&a)
			}
			if err != nil {
				continue
			}
			r := h.Report(&d)
			if d.Said != nil {
				h.Said = append(h.Said, *d.Said)
			}
			if state = d.State; verb == "yes" && state != ledger.NotAnnounced {
				people[who] = true
			}
			if state == ledger.Approved {
				due := h.Rule.TimeOut > 0 && h.Rule.Then == playbook.SendIt && !now.Before(came.Add(time.Duration(h.Rule.TimeOut)))
				allowed := map[string]bool{"yes": len(people) >= max(1, h.Rule.People) && a.Seen != "other", "glass": a.Why != "" && a.Seen != "other", "time": due}
				if !allowed[verb] || h.Newer != 0 {
					t.Fatalf("let go by %s of %+v under %+v, after %+v; newer %d", verb, a, h.Rule, h.Said, h.Newer)
				}
			}
			if state == ledger.Held && r.Missing != max(1, h.Rule.People)-len(people) {
				t.Fatalf("%d are missing, with %d of %d", r.Missing, len(people), h.Rule.People)
			}
		}
	})
}
