package audience_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"pgregory.net/rapid"
)

func TestExportCSV(t *testing.T) {
	got := file(t, audience.CSV, slices.Values([]audience.Recipient{ana, {ID: "c-2", Locale: "ru"}}))
	const want = `id,name,locale,zone,email,phone,address.telegram,address.viber,preferences,consents,services,regions,segments
c-1,"Ana ""Anișoara"" Popa, dr.",ro,Europe/Chisinau,ana@example.com,+37369123456,,abc=,viber;sms,sms,atm;cards,balti,retail
c-2,,ru,,,,,,,,,,
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Values have a column each, whoever has them.
func TestExportCSVValues(t *testing.T) {
	got := file(t, audience.CSV, slices.Values([]audience.Recipient{
		{ID: "c-1", Values: map[string]string{"branch": "Main Street 1, corner"}},
		{ID: "c-2", Values: map[string]string{"atm": "Square"}},
	}))
	const want = `id,name,locale,zone,email,phone,address.telegram,address.viber,preferences,consents,services,regions,segments,value.atm,value.branch
c-1,,,,,,,,,,,,,,"Main Street 1, corner"
c-2,,,,,,,,,,,,,Square,
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A value that appears between the two readings has no column, and is not lost without a word.
func TestExportCSVValueThatIsNew(t *testing.T) {
	reading := 0
	rows := func(yield func(audience.Recipient, error) bool) {
		r := audience.Recipient{ID: "c-1"}
		if reading++; reading > 1 {
			r.Values = map[string]string{"atm": "Square"}
		}
		yield(r, nil)
	}
	_, err := audience.Export(&strings.Builder{}, audience.CSV, nil, rows)
	if want := `recipient "c-1" has a value atm, which has no column: it was imported meanwhile`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
}

func TestExportJSONL(t *testing.T) {
	got := file(t, audience.JSONL, slices.Values([]audience.Recipient{
		{ID: "c-1", Name: "<Ana>", Locale: "ro", Addresses: audience.Addresses{{"viber", "a"}, {"sms", "+1"}}},
		{ID: "c-2", Locale: "ru", Dead: audience.Addresses{{"sms", "+2"}}}, // the directory's own knowledge
	}))
	const want = `{"id":"c-1","name":"<Ana>","locale":"ro","addresses":{"sms":"+1","viber":"a"}}
{"id":"c-2","locale":"ru","addresses":{}}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What CSV can't hold is an error, never a file that reads back as something else.
func TestExportRefuses(t *testing.T) {
	for want, r := range map[string]audience.Recipient{
		`recipient "c-1" has an address on channel "fax", which has no column`: {ID: "c-1", Addresses: audience.Addresses{{"fax", "1"}}},
		`recipient "c-2": it holds what a line of CSV can't`:                   {ID: "c-2", Name: "a\nb"},
		`recipient "c-3": it holds what a line of CSV can't`:                   {ID: "c-3", Services: []string{"a;b"}},
	} {
		var b strings.Builder
		rows := rowsOf(slices.Values([]audience.Recipient{{ID: "c-0"}, r}))
		n, err := audience.Export(&b, audience.CSV, []string{"sms"}, rows)
		if n != 1 || err == nil || !strings.HasPrefix(err.Error(), "exporting recipients, after 1: "+want) {
			t.Errorf("got %d, %v; want %q", n, err, want)
		}
	}
}

func TestExportPassesOnErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	rows := func(yield func(audience.Recipient, error) bool) {
		_ = yield(audience.Recipient{ID: "c-1"}, nil) && yield(audience.Recipient{}, broken)
	}
	for f, before := range map[audience.Format]int{audience.CSV: 0, audience.JSONL: 1} { // CSV looks for values first
		if n, err := audience.Export(&strings.Builder{}, f, nil, rows); n != before || !errors.Is(err, broken) {
			t.Errorf("%s, rows: %d, %v", f, n, err)
		}
		many := rowsOf(audience.Generate(1000, 1, audience.Mix{}))
		if _, err := audience.Export(brokenWriter{broken}, f, nil, many); !errors.Is(err, broken) {
			t.Errorf("%s, writer: %v", f, err)
		}
	}
}

// Recipients in normal form are the same after a journey through a file.
func TestExportImportIsIdentity(t *testing.T) {
	checker := newChecker(t)
	rapid.Check(t, func(rt *rapid.T) {
		recipients := map[string]audience.Recipient{}
		var ordered []audience.Recipient
		for _, r := range rapid.SliceOfN(rapid.Custom(drawRecipient), 0, 20).Draw(rt, "recipients") {
			faults := checker.Check(&r)
			if _, again := recipients[r.ID]; again || faults != nil {
				continue
			}
			recipients[r.ID] = r
			ordered = append(ordered, r)
		}
		for _, f := range []audience.Format{audience.CSV, audience.JSONL} {
			var text strings.Builder
			channels := []string{"email", "sms", "telegram", "viber", "whatsapp"}
			if _, err := audience.Export(&text, f, channels, rowsOf(slices.Values(ordered))); err != nil {
				rt.Fatal(err)
			}
			d := newDirectory(t)
			s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text.String()), f), checker, d, audience.ImportOptions{})
			if err != nil || s.Imported != len(ordered) || s.Lines != len(ordered) {
				rt.Fatalf("%s: %+v, %v\n%s", f, s, err, text.String())
			}
			if diff := cmp.Diff(recipients, d.byID); diff != "" {
				rt.Fatalf("%s (-want +got):\n%s", f, diff)
			}
		}
	})
}

// drawRecipient draws recipients that are mostly good, with the texts that files have trouble with.
func drawRecipient(t *rapid.T) audience.Recipient {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~ăîșțâЖё"',;=@+\\<&]{0,30}`))
	channels := rapid.SliceOf(rapid.SampledFrom([]string{"sms", "email", "telegram", "viber", "whatsapp"}))
	codes := rapid.SliceOf(rapid.StringMatching(`[a-zA-Z0-9._-]{0,8}`))
	r := audience.Recipient{
		ID:          rapid.StringMatching(`[a-zA-Z0-9]{1,4}[ -~ș]{0,4}`).Draw(t, "id"),
		Name:        text.Draw(t, "name"),
		Locale:      rapid.SampledFrom([]string{"", "ro", "ru-MD", "EN_us", "mo"}).Draw(t, "locale"),
		Zone:        rapid.SampledFrom([]string{"", "UTC", "America/New_York"}).Draw(t, "zone"),
		Preferences: channels.Draw(t, "preferences"),
		Consents:    channels.Draw(t, "consents"),
		Services:    codes.Draw(t, "services"),
		Regions:     codes.Draw(t, "regions"),
		Segments:    codes.Draw(t, "segments"),
		Values:      rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,4}`), text, 0, 3).Draw(t, "values"),
	}
	for _, channel := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"sms", "email", "telegram", "viber"}), rapid.ID).Draw(t, "channels") {
		r.Addresses = append(r.Addresses, audience.Address{Channel: channel, Address: drawAddress(t, channel, text)})
	}
	return r
}

func drawAddress(t *rapid.T, channel string, text *rapid.Generator[string]) string {
	switch channel {
	case "sms":
		return fmt.Sprintf("0%d", 60_000_000+rapid.IntRange(0, 9_999_999).Draw(t, "number"))
	case "email":
		return strings.ReplaceAll(text.Draw(t, "local part"), "@", "") + "@example.com"
	}
	return text.Draw(t, "address")
}

func TestRecipientJSON(t *testing.T) {
	b, err := json.Marshal(ana)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"addresses":{"email":"ana@example.com","sms":"+37369123456","viber":"abc="}`) {
		t.Errorf("got %s", b)
	}
	var back audience.Recipient
	if err := json.Unmarshal(b, &back); err != nil || back.Address("viber") != "abc=" || back.Address("fax") != "" {
		t.Errorf("back: %+v, %v", back, err)
	}
}
