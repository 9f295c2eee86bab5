package ledger

import (
	"encoding/json"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
)

// ForecastsAmong is among how many of the newest updates NextToForecast looks, so that a look costs the same
// however many there are.
const ForecastsAmong = 100

// HoldAgainst holds what became of an update against its forecast, as it is kept, if it has one and nothing of
// it is open any more. approved is when it was let go. A forecast that can't be read is none.
func (r *UpdateReport) HoldAgainst(kept []byte, approved time.Time) {
	var f forecast.Forecast
	if over := r.State == Closed || r.State == Cancelled; !over || r.Balance.Open > 0 || len(kept) == 0 || json.Unmarshal(kept, &f) != nil {
		return
	}
	a := forecast.Actual{
		Audience: r.Balance.Audience, Attempts: map[string]int64{}, Reached: map[string]int64{}, Segments: r.Segments, Stopped: r.Balance.Superseded,
	}
	for i := range r.Channels {
		c := &r.Channels[i]
		a.Attempts[c.Channel], a.Reached[c.Channel] = c.Attempts, c.Reached
	}
	if r.State == Cancelled {
		a.Stopped = max(1, a.Stopped)
	}
	if r.Balance.Reached > 0 {
		a.LastReached = max(0, float64(r.Max)-approved.Sub(r.ReceivedAt).Seconds())
	}
	c := forecast.Compare(&f, a)
	r.Forecast = &c
}
