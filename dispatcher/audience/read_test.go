package audience_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

var ana = audience.Recipient{
	ID: "c-1", Name: `Ana "Anișoara" Popa, dr.`, Locale: "ro", Zone: "Europe/Chisinau",
	Addresses:   audience.Addresses{{"sms", "+37369123456"}, {"email", "ana@example.com"}, {"viber", "abc="}},
	Preferences: []string{"viber", "sms"}, Consents: []string{"sms"},
	Services: []string{"atm", "cards"}, Regions: []string{"balti"}, Segments: []string{"retail"},
}

func TestReadCSV(t *testing.T) {
	for name, text := range map[string]string{
		"commas": "id,name,locale,zone,phone,email,address.viber,preferences,consents,services,regions,segments\n" +
			`c-1,"Ana ""Anișoara"" Popa, dr.",ro,Europe/Chisinau,+37369123456,ana@example.com,abc=,viber;sms,sms,atm;cards,balti,retail` + "\n",
		"any order, mark, CRLF, spaces, no last line break": "\ufeff" + ` "Name", ID,Timezone,LOCALE,address.sms,address.email,Address.Viber,segments,regions,services,consents,preferences` + "\r\n" +
			`"Ana ""Anișoara"" Popa, dr.", c-1,Europe/Chisinau,ro,+37369123456,ana@example.com,abc=,retail,balti,atm;cards,sms,viber;sms`,
		"semicolons, blank lines": "\n  \nid;name;locale;zone;phone;email;address.viber;preferences;consents;services;regions;segments\n\n" +
			`c-1;"Ana ""Anișoara"" Popa, dr.";ro;Europe/Chisinau;+37369123456;ana@example.com;abc=;"viber;sms";sms;"atm;cards";balti;retail` +
			"\n;;;;;;;;;;;\n\t\n",
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := read(text, audience.CSV)
			if err != nil || len(lines) != 1 || lines[0].Fault != nil {
				t.Fatalf("got %+v, %v", lines, err)
			}
			if diff := cmp.Diff(ana, lines[0].Recipient); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadCSVHeader(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "line 1: the file is empty, a header was expected",
		"\n \n":                    "line 1: the file is empty, a header was expected",
		"id,adress\nc-1,x\n":       `line 1: unknown column "adress": the columns are id,`,
		"id,address.\nc-1,x\n":     `line 1: unknown column "address."`,
		"id,address.a b\nc-1,x\n":  `line 1: unknown column "address.a b"`,
		"id,value.a b\nc-1,x\n":    `line 1: unknown column "value.a b"`,
		"id,\nc-1,\n":              `line 1: unknown column ""`,
		"id,fax no\nc-1,x\n":       `line 1: unknown column "fax no"`,
		"\n\nid,x\n":               `line 3: unknown column "x"`,
		"id,phone,address.sms\n":   `line 1: column "address.sms" occurs twice`,
		"id,zone,Timezone\n":       `line 1: column "Timezone" occurs twice`,
		"name,locale\nAna,ro\n":    `line 1: column "id" is missing`,
		"id,\"name\nc-1,Ana\n":     "line 1: the header is not CSV",
		"\xff\xfei\x00d\x00\n\x00": "line 1: the header is not UTF-8",
		strings.Repeat("id,", audience.MaxLine) + "\nc-1\n": "reading the header in line 1: line is too long",
	} {
		lines, err := read(text, audience.CSV)
		if len(lines) != 0 || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20q: got %v, %v; want the error %q", text, lines, err, want)
		}
	}
}

func TestReadCSVFaults(t *testing.T) {
	const text = "id,name,phone\n" +
		"c-1,Ana\n" + // 2
		"c-2,Ion \"Vanea\" Rusu,1\n" + // 3
		"c-3,\"Ion,2\n" + // 4: not closed
		"c-4,\"Ion\" Rusu,3\n" + // 5
		"c-5,\xd0,4\n" + // 6
		"c-6,Ana,5,6\n" + // 7
		"c-7,Ana,6\n" // 8
	want := []string{
		"2 line has 2 fields where the header has 3",
		`3 line is not CSV: bare " in non-quoted-field`,
		`4 line is not CSV: extraneous or missing " in quoted-field`,
		`5 line is not CSV: extraneous or missing " in quoted-field`,
		"6 line is not UTF-8",
		"7 line has 4 fields where the header has 3",
		"8 c-7",
	}
	checkLines(t, text, audience.CSV, want)
}

func TestReadJSONL(t *testing.T) {
	const text = "\ufeff" + `{"id":"c-1","name":"Ana \"Anișoara\" Popa, dr.","locale":"ro","zone":"Europe/Chisinau",` +
		`"addresses":{"sms":"+37369123456","email":"ana@example.com","viber":"abc="},"preferences":["viber","sms"],` +
		`"consents":["sms"],"services":["atm","cards"],"regions":["balti"],"segments":["retail"]}` + "\r\n \n"
	lines, err := read(text, audience.JSONL)
	if err != nil || len(lines) != 1 || lines[0].Fault != nil {
		t.Fatalf("got %+v, %v", lines, err)
	}
	want := ana
	want.Addresses = audience.Addresses{ana.Addresses[1], ana.Addresses[0], ana.Addresses[2]}
	if diff := cmp.Diff(want, lines[0].Recipient); diff != "" {
		t.Error(diff)
	}
}

func TestReadJSONLFaults(t *testing.T) {
	const text = `{"id":"c-1","phone":"+37369123456"}
{"id":7}
{"id":"c-3","preferences":["sms",5]}
{"id":"c-4","addresses":[{"channel":"sms"}]}
{"id":"c-5","addresses":{"sms":37369123456}}
{"id":"c-6"
{"id":"c-7"} {"id":"c-8"}
["c-9"]
c-10
{"id":"c-11","+373 69 123456":1}
{"id":"c-12","name":"` + "\xff" + `"}

{"id":"c-13","addresses":{"sms":"1","sms":"2"}}
{"id":"c-14","addresses":{},"services":null}
`
	want := []string{
		"1 phone is not a field of a recipient",
		"2 id is of the wrong type: a JSON number",
		"3 preferences is of the wrong type: a JSON number",
		"4 addresses is not an object from channel to address",
		"5 addresses is not an object from channel to address",
		"6 line is not one JSON object",
		"7 line is not one JSON object",
		"8 line is not one JSON object",
		"9 line is not one JSON object",
		"10 line is not a field of a recipient",
		"11 line is not UTF-8",
		"13 c-13",
		"14 c-14",
	}
	checkLines(t, text, audience.JSONL, want)
}

// checkLines compares what was read with "number fault" or "number id".
func checkLines(t *testing.T, text string, f audience.Format, want []string) {
	t.Helper()
	lines, err := read(text, f)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range lines {
		says := line.Recipient.ID
		if line.Fault != nil {
			says = line.Fault.String()
		}
		got = append(got, fmt.Sprint(line.Number, " ", says))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadBoundsLines(t *testing.T) {
	fits := `{"id":"c-1","name":"` + strings.Repeat("a", audience.MaxLine-23) + "\"}\n"
	if len(fits) != audience.MaxLine {
		t.Fatalf("the test's line has %d bytes", len(fits))
	}
	long := strings.Repeat("x", 3*audience.MaxLine) + "\n"
	checkLines(t, long+fits+"a"+fits+`{"id":"c-4"}`+"\n"+long[:len(long)-1], audience.JSONL, []string{
		"1 line is longer than 65536 bytes", "2 c-1", "3 line is longer than 65536 bytes", "4 c-4", "5 line is longer than 65536 bytes",
	})
}

func TestReadTellsWhereItIs(t *testing.T) {
	const text = "id\n\nc-1\r\nc-2"
	lines, err := read(text, audience.CSV)
	if err != nil || len(lines) != 2 {
		t.Fatal(lines, err)
	}
	if got := lines[0]; got.Number != 3 || got.Offset != 9 || string(got.Raw) != "c-1" {
		t.Errorf("first line: %+v", got)
	}
	if got := lines[1]; got.Number != 4 || got.Offset != int64(len(text)) || string(got.Raw) != "c-2" {
		t.Errorf("second line: %+v", got)
	}
}

func TestReadPassesOnErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	for text, want := range map[string]string{
		"":             "reading the header in line 1: disk on fire",
		"id\nc-1\nc-2": "reading line 3: disk on fire",
		"id\n" + strings.Repeat("x", 2*audience.MaxLine): "reading line 2: disk on fire",
	} {
		r := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
		var last error
		for _, err := range audience.Read(r, audience.CSV) {
			last = err
		}
		if !errors.Is(last, broken) || last.Error() != want {
			t.Errorf("got %v, want %q", last, want)
		}
	}
}

func TestReadStopsWhenAsked(t *testing.T) {
	n := 0
	for range audience.Read(strings.NewReader("id\nc-1\nc-2\n"), audience.CSV) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d lines", n)
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range []audience.Format{audience.CSV, audience.JSONL} {
		if got, err := audience.ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("%s: %v, %v", f, got, err)
		}
	}
	const want = `unknown directory format "xlsx": one of csv, jsonl`
	if _, err := audience.ParseFormat("xlsx"); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if _, err := read("id\n", "xlsx"); err == nil || err.Error() != want {
		t.Errorf("Read: got %v", err)
	}
	if _, err := audience.Export(io.Discard, "xlsx", nil, nil); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("Export: got %v", err)
	}
}
