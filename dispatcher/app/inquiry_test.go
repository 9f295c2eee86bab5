package app_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// soonAsked are the adapters, which may be asked about attempts in doubt after a moment.
func soonAsked() []channels.Spec {
	all := specs()
	for i := range all {
		if all[i].InquireAfter > 0 {
			all[i].InquireAfter = 500 * time.Millisecond
		}
	}
	return all
}

// atOnce has the SMS provider take, and be asked, more a second than the tests have.
func atOnce(cfg map[string]any) {
	cfg["channels"].(map[string]any)["sms"].(map[string]any)["rate"] = 200
}

// texted imports n customers who prefer SMS, none of whose messages is lost or refused, and returns
// their numbers. The provider's answers about those chosen get lost, if it is to lose any.
func (w *town) texted(n int, unanswered func(i int) bool) []string {
	w.t.Helper()
	var lines, numbers []string
	for try := 0; len(numbers) < n; try++ {
		number, i := fmt.Sprintf("+373690%04d%d", try/5, try%5), len(numbers)
		if w.sandbox.Desk("twilio").Fate(number).Unanswered == unanswered(i) {
			numbers = append(numbers, number)
			lines = append(lines, customer(fmt.Sprint("c", i), "sms", number, number))
		}
	}
	w.customers(lines...)
	return numbers
}

func none(int) bool { return false }

// inDoubt waits until the lane has been in doubt about at least n attempts.
func (w *town) inDoubt(n int) {
	w.t.Helper()
	counter := regexp.MustCompile(`tocsin_lane_attempts_total\{channel="sms",class="unknown",result="unknown"\} (\d+)`)
	for limit := time.Now().Add(time.Minute); ; {
		found := counter.FindStringSubmatch(metrics(w.t, w.url))
		if found != nil {
			if got, err := strconv.Atoi(found[1]); err == nil && got >= n {
				return
			}
		}
		if time.Now().After(limit) {
			w.t.Fatalf("in doubt about %v attempts, want %d", found, n)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-w.t.Context().Done():
		}
	}
}

// TestLostCallbacksAreAskedFor: no callback of the SMS provider ever comes, and yet everybody is known to
// have been reached, by asking; nobody got anything twice.
func TestLostCallbacksAreAskedFor(t *testing.T) {
	w := newTownOf(t, clock.Clock{}, soonAsked(), atOnce)
	w.sandbox.Desk("twilio").SetConduct(sandbox.Conduct{ByDigit: true, Unreported: 1})
	numbers := w.texted(30, none)
	w.publish(incident.Investigating, 1, nil)
	w.mustReach(w.report(1), numbers)
}

// TestLostAnswersAreAskedFor: the provider takes some messages and its answer is lost. It is not asked to
// take any of them again, but what became of them.
func TestLostAnswersAreAskedFor(t *testing.T) {
	w := newTownOf(t, clock.Clock{}, soonAsked(), atOnce)
	w.sandbox.Desk("twilio").SetConduct(sandbox.Conduct{ByDigit: true, Unreported: 1, Unanswered: 0.5})
	numbers := w.texted(30, func(i int) bool { return i%10 == 3 })
	w.publish(incident.Investigating, 1, nil)
	w.mustReach(w.report(1), numbers)
	w.inDoubt(3)
}

// TestLostRequestsAreSentAgain: some requests never arrive, and nobody can tell from the silence. The
// provider says that it has no such messages, and gets them.
func TestLostRequestsAreSentAgain(t *testing.T) {
	w := newTownOf(t, clock.Clock{}, soonAsked(), atOnce)
	d := w.sandbox.Desk("twilio")
	d.SetConduct(sandbox.Conduct{ByDigit: true, Dropped: 1})
	numbers := w.texted(1, none)
	w.publish(incident.Investigating, 1, nil)
	w.inDoubt(1)
	d.SetConduct(sandbox.Conduct{ByDigit: true})
	w.mustReach(w.report(1), numbers)
}

// mustReach checks that everybody was reached, with proof of delivery, and once.
func (w *town) mustReach(r ledger.Report, numbers []string) {
	w.t.Helper()
	if b := r.Updates[0].Balance; b.Reached != int64(len(numbers)) || b.Audience != b.Reached {
		w.t.Errorf("balance %+v, want %d reached\n%+v", b, len(numbers), r.Updates[0].Outcomes)
	}
	i := slices.IndexFunc(r.Updates[0].Channels, func(c ledger.ChannelReport) bool { return c.Channel == "sms" })
	if i < 0 || r.Updates[0].Channels[i].Delivered != int64(len(numbers)) {
		w.t.Errorf("channels %+v, want all delivered by sms", r.Updates[0].Channels)
	}
	for _, number := range numbers {
		if got := w.witness("twilio", number); got.Accepted != 1 || got.Delivered != 1 {
			w.t.Errorf("the SMS provider counts %+v for %s, want one", got, number)
		}
	}
}
