// Package all is the one list of adapters: a new channel is a new folder and one line here.
//
// Only commands import it. Everything else gets the Specs handed in, and knows no adapter by name.
package all

import (
	"slices"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp"
	smtpsim "github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram"
	telegramchannel "github.com/tocsin-dev/tocsin/channels/messenger/telegram/channel"
	telegramsim "github.com/tocsin-dev/tocsin/channels/messenger/telegram/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/viber"
	vibersim "github.com/tocsin-dev/tocsin/channels/messenger/viber/sim"
	"github.com/tocsin-dev/tocsin/channels/null"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/sms/twilio"
	twiliosim "github.com/tocsin-dev/tocsin/channels/sms/twilio/sim"
	"github.com/tocsin-dev/tocsin/channels/social/bluesky"
	blueskysim "github.com/tocsin-dev/tocsin/channels/social/bluesky/sim"
	"github.com/tocsin-dev/tocsin/channels/social/facebook"
	facebooksim "github.com/tocsin-dev/tocsin/channels/social/facebook/sim"
	"github.com/tocsin-dev/tocsin/channels/social/livejournal"
	livejournalsim "github.com/tocsin-dev/tocsin/channels/social/livejournal/sim"
	"github.com/tocsin-dev/tocsin/channels/social/mastodon"
	mastodonsim "github.com/tocsin-dev/tocsin/channels/social/mastodon/sim"
	"github.com/tocsin-dev/tocsin/channels/social/vk"
	vksim "github.com/tocsin-dev/tocsin/channels/social/vk/sim"
	"github.com/tocsin-dev/tocsin/channels/social/x"
	xsim "github.com/tocsin-dev/tocsin/channels/social/x/sim"
)

// Entry is one adapter and the far side that it is tested against.
type Entry struct {
	Spec channels.Spec
	// Simulator is the zero value for an adapter that has no far side.
	Simulator sandbox.Simulator
}

// Simulated reports whether the entry has a simulator.
func (e Entry) Simulated() bool { return e.Simulator.Provider != "" }

// List returns every adapter. The slice is the caller's.
func List() []Entry {
	return []Entry{
		{bluesky.Spec(), blueskysim.Simulator()},
		{smtp.Spec(), smtpsim.Simulator()},
		{facebook.Spec(), facebooksim.Simulator()},
		{livejournal.Spec(), livejournalsim.Simulator()},
		{mastodon.Spec(), mastodonsim.Simulator()},
		{null.Spec(), sandbox.Simulator{}},
		{telegram.Spec(), telegramsim.Simulator()},
		{telegramchannel.Spec(), telegramsim.Channels()},
		{twilio.Spec(), twiliosim.Simulator()},
		{viber.Spec(), vibersim.Simulator()},
		{vk.Spec(), vksim.Simulator()},
		{x.Spec(), xsim.Simulator()},
	}
}

// Specs returns what every adapter is.
func Specs() []channels.Spec {
	var specs []channels.Spec
	for _, e := range List() {
		specs = append(specs, e.Spec)
	}
	return specs
}

// Simulators returns the far side of every adapter that has one.
func Simulators() []sandbox.Simulator {
	var sims []sandbox.Simulator
	for _, e := range List() {
		if e.Simulated() {
			sims = append(sims, e.Simulator)
		}
	}
	return sims
}

// Find returns the adapter of a provider.
func Find(provider string) (Entry, bool) {
	list := List()
	i := slices.IndexFunc(list, func(e Entry) bool { return e.Spec.Provider == provider })
	if i < 0 {
		return Entry{}, false
	}
	return list[i], true
}
