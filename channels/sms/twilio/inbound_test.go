package twilio

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestInbound reads messages of recipients; the ones in testdata have the parameters of "Messaging webhooks".
func TestInbound(t *testing.T) {
	s := newTestSender(t, "")
	const number = "+37369000100"
	for body, want := range map[string][]channels.Inbound{
		"testdata/inbound_text.txt": {{Address: "+14017122661", Text: "Ahoy! Is the card mine? 100% & more"}},
		"testdata/inbound_stop.txt": {{Address: "+14017122661", Wish: channels.OptOut, Text: "STOP"}},
		"SmsStatus=received&From=%2B37369000100&Body=Start&OptOutType=START":          {{Address: number, Wish: channels.OptIn, Text: "Start"}},
		"SmsStatus=received&From=%2B37369000100&Body=Help&OptOutType=HELP":            {{Address: number, Wish: channels.WantHelp, Text: "Help"}},
		"SmsStatus=received&From=%2B37369000100&Body=stop":                            {{Address: number, Text: "stop"}},
		"SmsStatus=received&From=%2B37369000100&Body=&NumMedia=1":                     {{Address: number}},
		"SmsStatus=received&From=whatsapp%3A%2B37369000100&Body=STOP&OptOutType=STOP": nil,
		"SmsStatus=received&From=rcs%3A%2B37369000100&Body=STOP":                      nil,
		"SmsStatus=received&From=12345&Body=STOP":                                     nil,
		"SmsStatus=sent&From=%2B37369000100&Body=STOP":                                nil,
	} {
		if strings.HasPrefix(body, "testdata/") {
			text, err := os.ReadFile(body)
			if err != nil {
				t.Fatal(err)
			}
			body = strings.TrimSpace(string(text))
		}
		heard, err := s.ParseCallback(signed(t, "", body))
		if diff := cmp.Diff(want, heard.Inbound); err != nil || diff != "" || len(heard.Receipts) > 0 {
			t.Errorf("%s: error %v, %d receipts, inbound (-want +got):\n%s", body, err, len(heard.Receipts), diff)
		}
	}
}

// TestOptedOut: where a messaging service sends, that the recipient has opted out comes as a failure.
func TestOptedOut(t *testing.T) {
	s := newTestSender(t, "")
	const failed = "MessageSid=SM1&To=%2B37369000100&MessageStatus=failed&ErrorCode="
	heard, err := s.ParseCallback(signed(t, "r1", failed+"21610"))
	want := channels.Heard{
		Receipts: []channels.Receipt{{Ref: "r1", ProviderID: "SM1", State: channels.ReceiptFailed, Code: "21610", Dead: true}},
		Inbound:  []channels.Inbound{{Address: "+37369000100", Wish: channels.OptOut}},
	}
	if diff := cmp.Diff(want, heard); err != nil || diff != "" {
		t.Errorf("error %v, heard (-want +got):\n%s", err, diff)
	}
	for _, body := range []string{failed + "30003", strings.Replace(failed, "%2B", "whatsapp%3A%2B", 1) + "21610",
		strings.Replace(failed, "failed", "sent", 1) + "21610"} {
		if heard, err := s.ParseCallback(signed(t, "r1", body)); err != nil || len(heard.Inbound) > 0 || len(heard.Receipts) != 1 {
			t.Errorf("%s: %+v, %v; want a receipt only", body, heard, err)
		}
	}
}
