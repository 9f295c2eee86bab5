package ledgertest

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// terms are those of a playbook that says everything. All of the suite's updates have them: they stay with an
// update, and with another telling of it.
func terms() playbook.Terms {
	return playbook.Terms{
		Playbook: "datacentre", Hash: "ab12",
		Steps:    playbook.Steps{{Channel: "preferred", Wait: 90 * time.Second}, {Channel: "sms", Proof: channels.Delivered}},
		Accounts: map[string][]string{"mastodon": {"bank"}, "x": {}},
		Approval: playbook.Approval{People: 1, TimeOut: clock.Span(10 * time.Minute), Then: playbook.SendIt},
		Cadence: playbook.Cadence{
			FirstNotice: clock.Span(time.Hour), Every: clock.Span(30 * time.Minute), Remind: clock.Span(10 * time.Minute), Holding: 2,
			Notices: []clock.Span{clock.Span(72 * time.Hour), clock.Span(time.Hour)},
		},
		Bounds:       playbook.Bounds{LastWithin: clock.Span(20 * time.Minute), Segments: 5000},
		Compensation: []playbook.Option{{ID: "fees", Value: "fee:0"}},
	}
}

// The first forecast stays.
func forecastStays(w *world) {
	id := w.record(update("a", 1), ledger.Held)
	none, err := w.Forecast(w.ctx, id)
	w.must(err)
	if len(none) != 0 {
		w.Errorf("before there is a forecast, it is %q", none)
	}
	w.must(w.RecordForecast(w.ctx, id, []byte(`{"audience":1}`)))
	w.must(w.RecordForecast(w.ctx, id, []byte(`{"audience":2}`)))
	got, err := w.Forecast(w.ctx, id)
	w.must(err)
	if string(got) != `{"audience":1}` {
		w.Errorf("forecast is %s", got)
	}
	_, err = w.Forecast(w.ctx, id+1)
	w.wantErr(err, ledger.ErrNotFound)
	w.wantErr(w.RecordForecast(w.ctx, id+1, []byte("{}")), ledger.ErrNotFound)
}
