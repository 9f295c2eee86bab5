// Package all is the one list of adapters: a new channel is a new folder and one line here.
//
// Only commands import it. Everything else gets the Specs handed in, and knows no adapter by name.
package all

import (
	"slices"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email/smtp"
	smtpsim "github.com/tocsin-dev/tocsin/channels/email/smtp/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/discord"
	discordsim "github.com/tocsin-dev/tocsin/channels/messenger/discord/sim"
	facebookmessenger "github.com/tocsin-dev/tocsin/channels/messenger/facebook"
	facebookmessengersim "github.com/tocsin-dev/tocsin/channels/messenger/facebook/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/slack"
	slacksim "github.com/tocsin-dev/tocsin/channels/messenger/slack/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/teams"
	teamssim "github.com/tocsin-dev/tocsin/channels/messenger/teams/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/telegram"
	telegramchannel "github.com/tocsin-dev/tocsin/channels/messenger/telegram/channel"
	telegramsim "github.com/tocsin-dev/tocsin/channels/messenger/telegram/sim"
	twiliorcs "github.com/tocsin-dev/tocsin/channels/messenger/twilio/rcs"
	twiliomessengersim "github.com/tocsin-dev/tocsin/channels/messenger/twilio/sim"
	twiliowhatsapp "github.com/tocsin-dev/tocsin/channels/messenger/twilio/whatsapp"
	"github.com/tocsin-dev/tocsin/channels/messenger/viber"
	vibersim "github.com/tocsin-dev/tocsin/channels/messenger/viber/sim"
	"github.com/tocsin-dev/tocsin/channels/messenger/whatsapp"
	whatsappsim "github.com/tocsin-dev/tocsin/channels/messenger/whatsapp/sim"
	"github.com/tocsin-dev/tocsin/channels/null"
	"github.com/tocsin-dev/tocsin/channels/push/apns"
	apnssim "github.com/tocsin-dev/tocsin/channels/push/apns/sim"
	"github.com/tocsin-dev/tocsin/channels/push/fcm"
	fcmsim "github.com/tocsin-dev/tocsin/channels/push/fcm/sim"
	"github.com/tocsin-dev/tocsin/channels/push/webpush"
	webpushsim "github.com/tocsin-dev/tocsin/channels/push/webpush/sim"
	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/sms/gateway"
	gatewaysim "github.com/tocsin-dev/tocsin/channels/sms/gateway/sim"
	"github.com/tocsin-dev/tocsin/channels/sms/kannel"
	kannelsim "github.com/tocsin-dev/tocsin/channels/sms/kannel/sim"
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
	twiliocalls "github.com/tocsin-dev/tocsin/channels/voice/twilio_calls"
	twiliocallssim "github.com/tocsin-dev/tocsin/channels/voice/twilio_calls/sim"
	"github.com/tocsin-dev/tocsin/channels/web/inapp"
	inappsim "github.com/tocsin-dev/tocsin/channels/web/inapp/sim"
	"github.com/tocsin-dev/tocsin/channels/web/statuspage"
	statuspagesim "github.com/tocsin-dev/tocsin/channels/web/statuspage/sim"
	"github.com/tocsin-dev/tocsin/channels/webhook/standard"
	standardsim "github.com/tocsin-dev/tocsin/channels/webhook/standard/sim"
)

// Entry is one adapter and the far side that it is tested against.
type Entry struct {
	Spec channels.Spec
	// Simulator is the zero value for an adapter that reaches nobody.
	Simulator sandbox.Simulator
}

// Simulated reports whether the entry has a simulator that the sandbox hosts.
func (e Entry) Simulated() bool { return e.Simulator.Served() }

// List returns every adapter, by kind. The slice is the caller's.
func List() []Entry {
	return []Entry{
		{null.Spec(), sandbox.Simulator{}},

		{gateway.Spec(), gatewaysim.Simulator()},
		{kannel.Spec(), kannelsim.Simulator()},
		{twilio.Spec(), twiliosim.Simulator()},
		{twiliocalls.Spec(), twiliocallssim.Simulator()},

		{smtp.Spec(), smtpsim.Simulator()},

		{discord.Spec(), discordsim.Simulator()},
		{facebookmessenger.Spec(), facebookmessengersim.Simulator()},
		{slack.Spec(), slacksim.Simulator()},
		{teams.Spec(), teamssim.Simulator()},
		{telegram.Spec(), telegramsim.Simulator()},
		{twiliorcs.Spec(), twiliomessengersim.RCS()},
		{viber.Spec(), vibersim.Simulator()},
		{twiliowhatsapp.Spec(), twiliomessengersim.WhatsApp()},
		{whatsapp.Spec(), whatsappsim.Simulator()},

		{apns.Spec(), apnssim.Simulator()},
		{fcm.Spec(), fcmsim.Simulator()},
		{webpush.Spec(), webpushsim.Simulator()},

		{inapp.Spec(), inappsim.Simulator()},
		{statuspage.Spec(), statuspagesim.Simulator()},
		{standard.Spec(), standardsim.Simulator()},

		{bluesky.Spec(), blueskysim.Simulator()},
		{facebook.Spec(), facebooksim.Simulator()},
		{livejournal.Spec(), livejournalsim.Simulator()},
		{mastodon.Spec(), mastodonsim.Simulator()},
		{telegramchannel.Spec(), telegramsim.Channels()},
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

// Simulators returns the far side of every adapter that has one which the sandbox hosts.
func Simulators() []sandbox.Simulator {
	var sims []sandbox.Simulator
	for _, e := range List() {
		if e.Simulated() {
			sims = append(sims, e.Simulator)
		}
	}
	return sims
}

// Usual returns the usual adapter of a channel: of several for one, the last one listed.
func Usual(channel string) (Entry, bool) {
	for _, e := range slices.Backward(List()) {
		if e.Spec.Channel == channel {
			return e, true
		}
	}
	return Entry{}, false
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
