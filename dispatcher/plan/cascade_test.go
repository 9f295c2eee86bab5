package plan

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestCascades: the first cascade that fits an update has its steps; words stand for each recipient's own
// channels, and what can't be used or is there already is passed over.
func TestCascades(t *testing.T) {
	r := rules()
	step := func(channel string, wait time.Duration) notification.Step {
		return notification.Step{Channel: channel, Wait: wait}
	}
	r.Cascades = []Cascade{
		{
			Name: "urgent", Kinds: []incident.Kind{incident.Outage}, Impacts: []incident.Impact{incident.Critical},
			Steps: []notification.Step{step(LastGood, time.Minute), step(Preferred, 2*time.Minute), {Channel: "sms", Proof: channels.Read}, step(Next, 0)},
		},
		{Name: "afterwards", Statuses: []incident.Status{incident.Postmortem}, Steps: []notification.Step{step("email", time.Hour)}},
	}
	all := []string{"email", "sms", "telegram", "viber"}
	urgent := Case{Kind: incident.Outage, Impact: incident.Critical}
	worked := urgent
	worked.LastGood = "telegram"
	after := Case{Kind: incident.Outage, Impact: incident.Minor, Status: incident.Postmortem}
	for _, tt := range []struct {
		name      string
		in        Case
		addresses []string
		want      string
	}{
		{"words and names", urgent, all, "viber@2m0s,sms!read,email"},
		{"what worked comes first", worked, all, "telegram@1m0s,viber@2m0s,sms!read,email"},
		{"what can't be used is passed over", worked, []string{"sms", "viber"}, "viber@2m0s,sms!read"},
		{"the second fits", after, all, "email@1h0m0s"},
		{"none of its steps can be used: better than nothing", after, []string{"viber"}, "viber"},
		{"none fits: as usual", Case{Kind: incident.Maintenance}, all, "viber,sms"},
	} {
		d := r.For(recipient("ru", tt.addresses, all, []string{"viber"}), tt.in)
		if got := notification.FormatSteps(d.Steps); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
