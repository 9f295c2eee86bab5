package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// TestUpdateView: who approves sees every text, nothing of it hidden, and who else must.
func TestUpdateView(t *testing.T) {
	came := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	v := httpapi.UpdateView{
		ID: 3, Team: "payments", Incident: "cards", Kind: incident.Outage, Status: incident.Investigating, Impact: incident.Critical,
		Affects: incident.Audience{Services: []string{"cards", "atm"}, Regions: []string{"north"}}, State: ledger.Held, ReceivedAt: came, Playbook: "datacentre",
		Texts: []httpapi.TextView{
			{Kind: "email", Locale: "ro", Content: notification.Content{
				Subject: notification.Literal("Carduri"), HTML: notification.Literal("<p>Bună</p>"),
				Text: notification.Segments{{Literal: "Bună "}, {Placeholder: "name", Default: "ziua"}, {Literal: ",\x1b[8m cardurile nu merg.\u202e\n"}},
			}},
			{Kind: "sms", Locale: "en", Units: 2, Content: notification.Content{
				Text:   notification.Segments{{Literal: "Cards fail."}, {Placeholder: "region.alternative", Optional: true, Before: " "}},
				Recipe: &notification.Recipe{Fold: true, Alternatives: map[string]string{"south": "The branch in Cahul pays out.", "north": "Cash at \x1b[8mBălți."}},
			}},
		},
		Seen: "5ab3", Approvers: []string{"Ana Rusu", "Ion Ceban"}, AsOf: came.Add(3 * time.Minute),
		Approval: ledger.ApprovalStanding{People: 2, Missing: 1, Due: came.Add(10 * time.Minute), Then: playbook.SendIt,
			Said: []ledger.ApprovalSaid{{Word: ledger.SaidYes, At: came.Add(time.Minute), By: "Ana Rusu", Account: "ana"}}},
	}
	expected, err := json.Marshal(forecast.Forecast{Audience: forecast.Audience{Recipients: 7}})
	if err != nil {
		t.Fatal(err)
	}
	v.Forecast = expected
	var b strings.Builder
	if err := printUpdateView(&b, &v, time.UTC); err != nil {
		t.Fatal(err)
	}
	golden(t, "updateview.txt", b.String())
}
