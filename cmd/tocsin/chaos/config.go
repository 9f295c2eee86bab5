package chaos

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/lane"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// What a drill's channels are given. Rates are modest, so that there is always something on its way
// when a fault comes, and waits short, so that what a provider keeps to itself is soon known.
const (
	ratePerSecond = 50
	concurrency   = 4
	sendTimeout   = 3 * time.Second
	stepWait      = 10 * time.Second
	bounceWindow  = time.Second
	usefulFor     = 10 * time.Minute
)

// configuration is that of one process, made of what all share.
type configuration struct {
	keys  map[string]any
	nodes []string // NATS addresses as upstream services know them
}

func (c configuration) natsURL() string {
	urls := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		urls[i] = "nats://" + n
	}
	return strings.Join(urls, ",")
}

func (c configuration) yaml() ([]byte, error) { return yaml.Marshal(c.keys) }

// with is the configuration with some keys more, or others.
func (c configuration) with(keys map[string]any) configuration {
	all := map[string]any{}
	for k, v := range c.keys {
		all[k] = v
	}
	for k, v := range keys {
		all[k] = v
	}
	return configuration{all, c.nodes}
}

// shared is what all processes' configurations have in common.
func (s *stage) shared() map[string]any {
	return map[string]any{
		"organisation": "Example Bank", "zone": "Europe/Chisinau", "phone_country": "MD", "approval": "none",
		"cascade":    map[string]any{"behind": []string{"sms"}, "wait": stepWait.String(), "retry_every": "2s", "move_on_after": "8s"},
		"useful_for": usefulFor.String(),
		"in_doubt":   doubt(),
		"channels":   s.channels(),
		"catalogue":  catalogue(),
	}
}

// doubt says by impact what becomes of attempts that may have gone out: of one impact none is repeated,
// so that it can be seen that none is.
func doubt() map[incident.Impact]notification.InDoubt {
	return map[incident.Impact]notification.InDoubt{
		incident.Critical: notification.Repeat, incident.Major: notification.Repeat, incident.Minor: notification.LeaveUnknown,
	}
}

// channels are all whose providers can be simulated; behind one there are two accounts.
func (s *stage) channels() map[string]any {
	all := map[string]any{}
	for _, a := range s.Adapters {
		provider := func(name string) map[string]any {
			return map[string]any{
				"name": name, "provider": a.Spec.Provider, "rate": ratePerSecond, "concurrency": concurrency,
				"timeout": sendTimeout.String(), "settings": a.Simulator.Settings(s.far.Providers[name]),
			}
		}
		ch := map[string]any{"wait": stepWait.String(), "bounce_window": bounceWindow.String()}
		list := []any{provider(a.Spec.Provider)}
		if a.Spec.Provider == backedUp {
			list = append(list, provider(backup))
		}
		ch["providers"] = list
		var accounts []any
		for _, account := range a.Simulator.Accounts {
			accounts = append(accounts, map[string]any{"address": account, "locale": "en"})
		}
		if accounts != nil {
			ch["accounts"] = accounts
		}
		all[a.Spec.Channel] = ch
	}
	return all
}

// channelOf is the channel in front of a provider's account.
func (s *stage) channelOf(provider string) string {
	if provider == backup {
		provider = backedUp
	}
	for _, a := range s.Adapters {
		if a.Simulator.Provider == provider {
			return a.Spec.Channel
		}
	}
	return ""
}

// inDoubt is how many attempts on a channel may be in doubt after one crash of its lane.
func (s *stage) inDoubt(channel string) int {
	limits := []channels.Limits{{PerSecond: ratePerSecond, Concurrency: concurrency}}
	if channel == s.channelOf(backup) {
		limits = append(limits, limits[0])
	}
	return lane.MostInDoubt(limits)
}

// postsOn reports whether everybody reads what is sent on a channel.
func (s *stage) postsOn(channel string) bool {
	return slices.ContainsFunc(s.Adapters, func(a Adapter) bool { return a.Spec.Channel == channel && a.Spec.Kind == channels.Social })
}

// catalogue names what the drill's updates are about.
func catalogue() map[string]any {
	names := func(codes ...string) map[string]any {
		all := map[string]any{}
		for _, c := range codes {
			all[c] = map[string]string{"en": c, "ro": c, "ru": c}
		}
		return all
	}
	return map[string]any{
		"services": names("atm", "branches", "cards", "online-banking"),
		"regions":  names("balti", "cahul", "chisinau", "comrat", "edinet", "orhei", "soroca", "ungheni"),
	}
}
