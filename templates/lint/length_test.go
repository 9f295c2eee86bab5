package lint

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// TestLengthInEveryRegion: a text is as long as it is for those who read most, in the region with the longest
// alternative.
func TestLengthInEveryRegion(t *testing.T) {
	alternatives := map[string]string{"north": "Pay in cash.", "south": strings.Repeat("The branch in Cahul pays out. ", 32)}
	in := Input{Update: incident.Update{Data: incident.Data{Status: incident.Identified, Summary: incident.Text{"en": "Cards fail."}}}}
	for _, kind := range []channels.Kind{channels.SMS, channels.Messenger} {
		in.Texts = append(in.Texts, Text{kind, "en", notification.Content{
			Text:   notification.Segments{{Literal: "Cards fail."}, {Placeholder: "region.alternative", Optional: true, Before: " "}},
			Recipe: &notification.Recipe{Alternatives: alternatives},
		}})
	}
	in.Settings = Settings{SegmentPrice: 1, SMSPrice: 2}
	for rule, check := range map[string]func(*message) []hit{"smsLength": smsLength, "smsCost": smsCost, "messageLength": messageLength} {
		if len(check(newMessage(&in))) != 1 {
			t.Errorf("%s: finds nothing in a text that is too long in one region", rule)
		}
	}
	delete(alternatives, "south")
	for rule, check := range map[string]func(*message) []hit{"smsLength": smsLength, "smsCost": smsCost, "messageLength": messageLength} {
		if hits := check(newMessage(&in)); len(hits) > 0 {
			t.Errorf("%s: %+v", rule, hits)
		}
	}
}
