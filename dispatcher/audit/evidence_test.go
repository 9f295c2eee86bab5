package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/audit"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/sqlite"
)

var cards = ledger.IncidentKey{Team: "payments", Incident: "cards"}

// export writes the evidence of an incident.
func export(t *testing.T, path string, k ledger.IncidentKey) (string, audit.Seal, error) {
	t.Helper()
	l, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var b bytes.Buffer
	seal, err := audit.Export(t.Context(), l, k, at(100), &b)
	return b.String(), seal, err
}

func TestEvidence(t *testing.T) {
	path := copyOf(t, told(t), `UPDATE recipients SET consents = '', addresses = '', deleted = 1 WHERE number = 3`)
	text, seal, err := export(t, path, cards)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "@example.com") || strings.Contains(text, "+373") {
		t.Errorf("there are addresses in it:\n%s", text)
	}
	header, read, err := audit.CheckEvidence(strings.NewReader(text))
	if err != nil || read != seal || header.IncidentKey != cards || !header.AsOf.Equal(at(100)) {
		t.Fatalf("read back: %+v, %+v, %v", header, read, err)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 1+3+7+5+1 || seal.Lines != int64(len(lines)-1) {
		t.Fatalf("%d lines, sealed %d", len(lines), seal.Lines)
	}
	// The third was told nothing in time, though a receipt came at last; deleted since, they keep their id.
	var got audit.Notified
	for _, line := range lines {
		if strings.Contains(line, `"recipient":"c-003"`) && strings.Contains(line, `"update":1`) {
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := `{"type":"notified","update":1,"notification":3,"recipient":"c-003","locale":"ro","attempts":[` +
		`{"step":0,"try":0,"channel":"email","queued_at":"2026-05-04T18:00:10Z","state":"delivered","taken":true},` +
		`{"step":1,"try":0,"channel":"sms","queued_at":"2026-05-04T18:00:15Z","state":"failed","taken":false,"code":"c"}],` +
		`"outcome":"unreachable","reason":"rejected","settled_at":"2026-05-04T18:00:16Z"}`
	if b, err := json.Marshal(got); err != nil || string(b) != want {
		t.Errorf("of the third: %s, %v\nwant %s", b, err, want)
	}
	if _, _, err := export(t, path, ledger.IncidentKey{Team: "payments", Incident: "none"}); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("of an incident that isn't there: %v", err)
	}
}

func TestEvidenceTamperedWith(t *testing.T) {
	text, _, err := export(t, told(t), cards)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(text, "\n")
	for name, tt := range map[string]struct{ text, want string }{
		"a letter":       {strings.Replace(text, `"outcome":"unreachable"`, `"outcome":"reached"`, 1), "the seal is of 16 lines"},
		"a line gone":    {strings.Join(append(append([]string{}, lines[:6]...), lines[7:]...), ""), "the seal is of 16 lines"},
		"no seal":        {strings.Join(lines[:16], ""), "it ends without a seal"},
		"more after it":  {text + lines[5], "it follows the seal"},
		"no header":      {strings.Join(lines[1:], ""), "the header is the first line"},
		"two headers":    {lines[0] + text, "the header is the first line"},
		"another format": {strings.Replace(text, "evidence 1", "evidence 9", 1), `the format "tocsin evidence 9"`},
		"a text":         {strings.Replace(text, "nu merg 10", "merg 10", 1), "the text for email in ro has hash"},
		"a trail entry":  {strings.Replace(text, `\"by\":\"Ana\"`, `\"by\":\"Bob\"`, 1), "entry 3 of the trail: entry 3 has hash"},
		"the update":     {strings.Replace(text, `major`, `minor`, 1), "not those that were recorded"},
		"not JSON":       {"{\n", "unexpected end of JSON"},
		"nothing":        {"", "it ends without a seal"},
	} {
		_, _, err := audit.CheckEvidence(strings.NewReader(tt.text))
		if !errors.Is(err, audit.ErrNotEvidence) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func FuzzCheckEvidence(f *testing.F) {
	f.Add([]byte(`{"type":"header","format":"tocsin evidence 1"}` + "\n" + `{"type":"update","trail":[{"body":"{}"}]}` + "\n" + `{"type":"seal"}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, seal, err := audit.CheckEvidence(bytes.NewReader(b)); err == nil && seal.Lines == 0 {
			t.Error("nothing is taken for evidence")
		}
	})
}
