package forecast

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// weather is how well channels work in a case.
type weather uint8

const (
	fair  weather = iota // nothing fails
	usual                // as lately
	bad                  // twice as much fails as lately, and no less than on a bad day
)

// scenario is one case: how well channels work, and which don't at all.
type scenario struct {
	weather weather
	down    []string
}

func (s *scenario) isDown(channel string) bool { return slices.Contains(s.down, channel) }

// shares are the shares of a channel's attempts that no provider takes, and that are taken in vain. What is
// billed is taken as a matter of caution on a bad day: it then costs, and fails all the same.
func (s *scenario) shares(l *Lane) (refused, lost float64) {
	switch {
	case s.isDown(l.Channel):
		return 1, 0
	case s.weather == fair:
		return 0, 0
	case s.weather == usual:
		return l.Refused, l.Lost
	}
	refused, lost = max(2*l.Refused, BadRefused), max(2*l.Lost, BadLost)
	if l.Kind == channels.SMS {
		refused, lost = 0, refused+lost
	}
	return min(refused, 1), min(lost, 1-min(refused, 1))
}

// scenarios are all cases that are looked at: the usual one first, then those in which nothing is down, and
// then what is down, each channel alone and all of a kind together.
func scenarios(lanes map[string]*Lane) []scenario {
	all := []scenario{{weather: usual}, {weather: fair}, {weather: bad}}
	kinds := map[channels.Kind][]string{}
	for _, name := range slices.Sorted(maps.Keys(lanes)) {
		kind := lanes[name].Kind
		kinds[kind] = append(kinds[kind], name)
		all = append(all, scenario{bad, []string{name}})
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if len(kinds[kind]) > 1 {
			all = append(all, scenario{bad, kinds[kind]})
		}
	}
	return all
}

// assumed says in words what the figures rest on that nobody has measured.
func assumed(lanes []Lane, prices *Prices, billed bool) []string {
	var unmeasured, unlimited []string
	for i := range lanes {
		if lanes[i].Attempts < Enough {
			unmeasured = append(unmeasured, lanes[i].Channel)
		}
		if lanes[i].Rate == 0 {
			unlimited = append(unlimited, lanes[i].Channel)
		}
	}
	all := []string{"nothing else is being sent at the time"}
	if len(unmeasured) > 0 {
		all = append(all, fmt.Sprintf("%s: fewer than %d attempts lately; %g%% refused and %g%% lost are assumed",
			strings.Join(unmeasured, ", "), Enough, 100*AssumedRefused, 100*AssumedLost))
	}
	if len(unlimited) > 0 {
		all = append(all, fmt.Sprintf("%s: no rate is configured; a message takes %gs, on a bad day %gs",
			strings.Join(unlimited, ", "), assumedLatency, badLatency))
	}
	if billed && !prices.Known() {
		all = append(all, "prices: none are configured, so money is not forecast")
	}
	return all
}
