package sim

import "github.com/tocsin-dev/tocsin/channels/sandbox"

// The channels of one organisation, in several languages, of which the bot is an administrator. Any other
// name is somebody's channel too.
const (
	Channel   = "@bank_notices"
	ChannelEN = "@bank_notices_en"
	ChannelRU = "@bank_notices_ru"
)

// Channels describes the same Telegram for the adapter that posts in public channels.
func Channels() sandbox.Simulator {
	s := Simulator().As("telegram_channel")
	s.Accounts, s.Address = []string{Channel, ChannelEN, ChannelRU}, nil
	s.Settings = func(endpoint string) map[string]any {
		return map[string]any{"base_url": endpoint, "token": Token, "channels": s.Accounts}
	}
	return s
}
