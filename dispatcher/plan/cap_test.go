package plan

import (
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func TestCap(t *testing.T) {
	all := []string{"email", "sms"}
	customer, account := recipient("ru", all, all, nil), recipient("ru", all, all, nil)
	account.ID = audience.AccountPrefix + "sms:bank"
	silent := recipient("ru", all, nil, nil)
	six := &Cap{Messages: 6, Per: 24 * time.Hour, Unless: incident.Critical}
	for _, tt := range []struct {
		name   string
		cap    *Cap
		rec    *audience.Recipient
		in     Case
		reason notification.Reason
	}{
		{"below", six, customer, Case{Status: incident.Identified, Impact: incident.Major, Recent: 5}, ""},
		{"at the cap", six, customer, Case{Status: incident.Identified, Impact: incident.Major, Recent: 6}, notification.FrequencyCap},
		{"far beyond", six, customer, Case{Status: incident.Postmortem, Impact: incident.Minor, Recent: 60}, notification.FrequencyCap},
		{"overridden", six, customer, Case{Status: incident.Identified, Impact: incident.Critical, Recent: 6}, ""},
		{"the end", six, customer, Case{Status: incident.Resolved, Impact: incident.Minor, Recent: 6}, ""},
		{"the end of a maintenance", six, customer, Case{Status: incident.Completed, Impact: incident.Minor, Recent: 6}, ""},
		{"its being called off", six, customer, Case{Status: incident.Cancelled, Impact: incident.Minor, Recent: 6}, ""},
		{"a correction", six, customer, Case{Status: incident.Correction, Impact: incident.Minor, Recent: 6}, ""},
		{"an account", six, account, Case{Status: incident.Identified, Impact: incident.Minor, Recent: 6}, ""},
		{"no cap", nil, customer, Case{Status: incident.Identified, Impact: incident.Minor, Recent: 6}, ""},
		{"nothing to cap", six, silent, Case{Status: incident.Identified, Impact: incident.Minor, Recent: 6}, notification.NoConsent},
	} {
		r := rules()
		r.Cap = tt.cap
		d := r.For(tt.rec, tt.in)
		if d.Reason != tt.reason || (len(d.Steps) == 0) != (tt.reason != "") || (tt.reason != "") != (d.Outcome == notification.Suppressed) {
			t.Errorf("%s: %+v, want reason %q", tt.name, d, tt.reason)
		}
	}
}
