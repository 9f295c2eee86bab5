package bounce

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/channels"
)

const testRef = "1z141-0-0-abcdefghij234567"

func testAddresses() Addresses {
	return Addresses{Mailbox: "bounces@bank.example", IDs: "bank.example"}
}

// reports are the messages in testdata, written in the forms of the mail systems that they are named
// after, and what they say.
var reports = map[string]Report{
	"postfix-unknown":        {What: Failed, Ref: testRef, Code: "5.1.1", Dead: true},
	"postfix-expired":        {What: Failed, Ref: testRef, Code: "4.4.1"},
	"postfix-delayed":        {What: Delayed, Ref: testRef, Code: "4.4.1"},
	"postfix-delivered":      {What: Delivered, Ref: testRef, Code: "2.0.0"},
	"postfix-relayed":        {What: Relayed, Ref: testRef, Code: "2.1.9"},
	"exchange-unknown":       {What: Failed, Ref: testRef, Code: "5.1.10", Dead: true},
	"gmail-full":             {What: Failed, Ref: testRef, Code: "5.2.2"},
	"gmail-unknown":          {What: Failed, Ref: testRef, Code: "5.1.1", Dead: true},
	"exim-standard":          {What: Failed, Ref: testRef, Code: "5.1.1", Dead: true},
	"exim-prose":             {What: Failed, Ref: testRef, Dead: true},
	"exim-warning":           {What: Delayed, Ref: testRef},
	"qmail":                  {What: Failed, Ref: testRef, Code: "5.1.1", Dead: true},
	"qmail-no-verp":          {What: Failed, Ref: testRef, Code: "552"},
	"appliance":              {What: Failed, Ref: testRef},
	"sendmail-warning":       {What: Delayed, Ref: testRef},
	"out-of-office-exchange": {What: AutoReply},
	"vacation":               {What: AutoReply},
	"autoreply-old":          {What: AutoReply},
	"autoreply-russian":      {What: AutoReply},
	"person":                 {},
	"nothing-said":           {},
	"disposition":            {},
	"feedback-abuse":         {What: Complaint, Ref: testRef, Address: "Ana@example.org"},
	"feedback-redacted":      {What: Complaint, Ref: testRef},
	"feedback-not-spam":      {},
	"two-recipients":         {What: Failed, Ref: testRef, Code: "5.1.1"},
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) != len(reports) {
		t.Errorf("%d messages in testdata, %d expected, %v", len(files), len(reports), err)
	}
	for name, want := range reports {
		t.Run(name, func(t *testing.T) {
			message := readFile(t, name)
			got := testAddresses().Read(stored(message))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			wire := bytes.ReplaceAll(message, []byte("\n"), []byte("\r\n"))
			if diff := cmp.Diff(got, testAddresses().Read(stored(wire))); diff != "" {
				t.Errorf("with the line ends of the wire it says something else:\n%s", diff)
			}
		})
	}
}

// TestReadByEnvelope: the address that a report was sent to decides, whatever is in it.
func TestReadByEnvelope(t *testing.T) {
	const other = "2aaaa-0-0-abcdefghij234567"
	m := Mail{To: []string{"postmaster@bank.example", "Bounces+" + strings.ToUpper(other) + "@bank.example"}, Message: readFile(t, "postfix-unknown")}
	if got := testAddresses().Read(m).Ref; got != other {
		t.Errorf("the report is of %q, want %q", got, other)
	}
}

func TestHeard(t *testing.T) {
	for _, tt := range []struct {
		name   string
		report Report
		want   channels.Heard
	}{
		{"failed", Report{What: Failed, Ref: testRef, Code: "5.1.1", Dead: true},
			channels.Heard{Receipts: []channels.Receipt{{Ref: testRef, State: channels.ReceiptFailed, Code: "5.1.1", Dead: true}}}},
		{"delayed", Report{What: Delayed, Ref: testRef, Code: "4.4.1"},
			channels.Heard{Receipts: []channels.Receipt{{Ref: testRef, State: channels.ReceiptAccepted, Code: "4.4.1"}}}},
		{"relayed", Report{What: Relayed, Ref: testRef},
			channels.Heard{Receipts: []channels.Receipt{{Ref: testRef, State: channels.ReceiptAccepted}}}},
		{"delivered", Report{What: Delivered, Ref: testRef},
			channels.Heard{Receipts: []channels.Receipt{{Ref: testRef, State: channels.ReceiptDelivered}}}},
		{"a complaint", Report{What: Complaint, Ref: testRef, Address: "ana@example.org"},
			channels.Heard{Inbound: []channels.Inbound{{Ref: testRef, Address: "ana@example.org", Wish: channels.OptOut}}}},
		{"a complaint about nothing of ours", Report{What: Complaint, Address: "ana@example.org"}, channels.Heard{}},
		{"out of office", Report{What: AutoReply}, channels.Heard{}},
		{"a person", Report{}, channels.Heard{}},
	} {
		if diff := cmp.Diff(tt.want, tt.report.Heard()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// FuzzRead: whatever comes, reading ends, and what it finds keeps to the contract of receipts.
func FuzzRead(f *testing.F) {
	for name := range reports {
		f.Add(readFile(f, name))
	}
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n--\n"))
	f.Fuzz(func(t *testing.T, message []byte) {
		r := testAddresses().Read(stored(message))
		if asRef(r.Ref, true) != r.Ref {
			t.Errorf("reference %q", r.Ref)
		}
		if r.Dead && r.What != Failed {
			t.Errorf("dead, though %v", r.What)
		}
		if len(r.Code) > 16 {
			t.Errorf("code %q", r.Code)
		}
		if h := r.Heard(); len(h.Receipts)+len(h.Inbound) > 1 {
			t.Errorf("heard %+v", h)
		}
	})
}
