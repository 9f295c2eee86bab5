package fallback

import (
	"math"
	"time"
)

// When a provider's receipts count as stopped. What is compared is the share of its attempts that end
// in silence: of late, against the provider's own history. Some providers never report a tenth of what
// they deliver, and that is no news. Attempts are counted when their batch's wait is over, those that
// were heard of and those that were not at the same moment: else a burst would look silent, since its
// silence comes long after its receipts.
//
// "Of late" is every attempt counted, each half as much after every recentHalf; what it has lost by
// that belongs to the history, which fades much more slowly and takes in nothing while the provider is
// only probed. The thresholds are chosen so that chance does not reach them.
const (
	recentHalf  = 2 * time.Minute
	historyHalf = 24 * time.Hour

	// historySample is how much must have been observed before anything is judged: a provider that
	// has never reported, perhaps because it can't reach us, tells nothing by its silence.
	historySample = 50
	// judgeSample is how much must have been observed of late.
	judgeSample = 20
	// Receipts have stopped if the share of silence is above stoppedLeast, and above stoppedRatio
	// times its usual share or halfway between that and all, whichever is less, and too far above it
	// for chance.
	stoppedLeast = 0.25
	stoppedRatio = 3
	stoppedSigma = 4
)

// When they count as coming again.
const (
	// leastClosed is how long a provider is only probed at least.
	leastClosed = time.Minute
	// proofsAgain is how many receipts must have come since. They must also be at least half as many
	// as there usually are, for what it was given since.
	proofsAgain = 5
	// forgiven is how long nothing need be heard of it, probes included, for it to have another chance.
	forgiven = time.Hour
)

// observed counts attempts by how they ended, with fractions: what is long past counts less.
type observed struct {
	All    float64 `json:"all"`
	Silent float64 `json:"silent"`
}

func (o observed) share() float64 {
	if o.All == 0 {
		return 0
	}
	return o.Silent / o.All
}

func (o *observed) add(x observed) { o.All, o.Silent = o.All+x.All, o.Silent+x.Silent }

func (o observed) times(f float64) observed { return observed{o.All * f, o.Silent * f} }

// silence is what is known of one provider's receipts. It is a plain value without a clock: times are
// given to it, and may not go back. Its zero value knows nothing.
type silence struct {
	recent, history observed
	at              time.Time // up to when the counts have faded
	receipts        float64   // that came of late

	stopped bool
	since   time.Time // when stopped changed last
	by      observed  // what was known of late when it did
	given   float64   // while stopped: attempts that it took since
	proven  float64   // while stopped: attempts that receipts came for since
	sign    time.Time // while stopped: when there was last something to go by
}

// fade lets time pass.
func (s *silence) fade(now time.Time) {
	if passed := now.Sub(s.at); passed > 0 && !s.at.IsZero() {
		kept := fading(passed, recentHalf)
		s.history = s.history.times(fading(passed, historyHalf))
		if !s.stopped {
			s.history.add(s.recent.times(1 - kept))
		}
		s.recent, s.receipts = s.recent.times(kept), s.receipts*kept
	}
	if now.After(s.at) {
		s.at = now
	}
}

func fading(passed, half time.Duration) float64 {
	return math.Exp2(-float64(passed) / float64(half))
}

// took notes attempts that the provider took.
func (s *silence) took(n int, now time.Time) {
	if s.stopped {
		s.given, s.sign = s.given+float64(n), now
	}
}

// heard notes attempts that a receipt came for.
func (s *silence) heard(n int, now time.Time) {
	s.fade(now)
	s.receipts += float64(n)
	if s.stopped {
		s.proven, s.sign = s.proven+float64(n), now
	}
}

// ended notes attempts whose wait is over, of which some have ended in silence. taken is when the
// provider took the first of them: those from before the last judgement are no news, they would judge
// it again for the same fault.
func (s *silence) ended(all, silent int, taken, now time.Time) {
	s.fade(now)
	if !taken.Before(s.since) {
		s.recent.add(observed{All: float64(all), Silent: float64(silent)})
	}
}

// judge reports whether the provider's receipts have stopped or come again, and remembers it.
// othersHeard says that receipts of other providers come: while they don't, it is as likely that it is
// we who can't hear.
func (s *silence) judge(othersHeard bool, now time.Time) (changed bool) {
	s.fade(now)
	switch {
	case !s.stopped && othersHeard && s.hasStopped():
		s.turn(true, now)
	case s.stopped && now.Sub(s.since) >= leastClosed && (s.comesAgain() || now.Sub(s.sign) >= forgiven):
		s.turn(false, now)
	default:
		return false
	}
	return true
}

// turn begins anew: what led to the judgement is not held against the provider, or for it, again.
func (s *silence) turn(stopped bool, now time.Time) {
	s.stopped, s.since, s.sign, s.by = stopped, now, now, s.recent
	s.given, s.proven, s.receipts = 0, 0, 0
	s.recent = observed{}
}

func (s *silence) hasStopped() bool {
	if s.history.All < historySample || s.recent.All < judgeSample {
		return false
	}
	usual := s.history.share()
	if s.recent.share() <= max(stoppedLeast, min(stoppedRatio*usual, (1+usual)/2)) {
		return false
	}
	// The usual share is itself known from a sample only: one in it is the least that it can mean.
	usual = max(usual, 1/s.history.All)
	n := s.recent.All
	return s.recent.Silent-n*usual > stoppedSigma*math.Sqrt(n*usual*(1-usual))
}

func (s *silence) comesAgain() bool {
	return s.proven >= proofsAgain && s.proven >= s.given*(1-s.history.share())/2
}

// isHeard reports whether receipts of this provider come now.
func (s *silence) isHeard(now time.Time) bool {
	s.fade(now)
	return !s.stopped && s.receipts >= 1
}
