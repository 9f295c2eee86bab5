package dispatcher

import (
	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// learn adds what became of an update's attempts on a channel, once nearly all of them have ended. Attempts
// that were stopped say nothing about the channel.
func learn(e *forecast.Experience, u *ledger.UpdateProgress, channel string) {
	if u.State != ledger.Closed && u.State != ledger.Sending || u.Open*10 > u.Audience {
		return
	}
	count := func(s notification.State) int64 { return u.Count(channel, s.String()) }
	attempts := count(notification.Queued) - count(notification.Revoked)
	if attempts <= 0 {
		return
	}
	failed := count(notification.Failed) + count(notification.Expired) + count(notification.Unknown)
	notTaken := min(max(0, attempts-count(notification.Accepted)), failed)
	e.Attempts += attempts
	e.NotTaken += notTaken
	e.InVain += min(failed-notTaken, attempts-notTaken)
}
