package audience_test

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func FuzzReadCSV(f *testing.F) {
	f.Add("id,name,phone\nc-1,Ana,069123456\n")
	f.Add("\ufeffid;services\r\nc-1;\"atm;cards\"\r\n;\r\n")
	f.Add("id,name\nc-1,\"Ana\nc-2,\"\"\"\"\n")
	f.Add("id,address.viber,preferences,consents,regions,segments,zone,locale,email,value.branch\na,b,c,d,e,f,g,h,i,j")
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, text, audience.CSV) })
}

func FuzzReadJSONL(f *testing.F) {
	f.Add(`{"id":"c-1","locale":"ro","addresses":{"sms":"069123456"},"services":["atm"]}`)
	f.Add("{\"id\":\"c-1\"}\n\n[]\nnull\n{\"id\":1}{}")
	f.Add(`{"id":"c-1","locale":"zh-hant-u-co-pinyin","zone":"Etc/GMT+12"}`)
	f.Fuzz(func(t *testing.T, text string) { checkFile(t, text, audience.JSONL) })
}

// checkFile holds what is true of any file: lines ascend, a fault has both parts, and what passes the
// check passes it again unchanged, and survives an export.
func checkFile(t *testing.T, text string, f audience.Format) {
	checker := newChecker(t)
	lines, _ := read(text, f)
	number := 0
	for _, line := range lines {
		if line.Number <= number || line.Offset > int64(len(text)) {
			t.Fatalf("line %d at %d after line %d", line.Number, line.Offset, number)
		}
		number = line.Number
		if line.Fault != nil {
			if line.Fault.Field == "" || line.Fault.Reason == "" {
				t.Fatalf("half a fault: %+v", line.Fault)
			}
			continue
		}
		if r := line.Recipient; checker.Check(&r) == nil {
			checkNormal(t, checker, r)
		}
	}
}

func checkNormal(t *testing.T, checker *audience.Checker, r audience.Recipient) {
	again := r
	if faults := checker.Check(&again); faults != nil || !cmp.Equal(r, again) {
		t.Fatalf("not in normal form: %v\n%s", faults, cmp.Diff(r, again))
	}
	for _, f := range []audience.Format{audience.CSV, audience.JSONL} {
		var b strings.Builder
		channels := []string{"email", "sms", "telegram", "viber", "whatsapp"}
		if _, err := audience.Export(&b, f, channels, rowsOf(slices.Values([]audience.Recipient{r}))); err != nil {
			t.Fatal(err)
		}
		lines, err := read(b.String(), f)
		if err != nil || len(lines) != 1 || lines[0].Fault != nil {
			t.Fatalf("exported %+v, read back %+v, %v", r, lines, err)
		}
		if back := lines[0].Recipient; checker.Check(&back) != nil || !cmp.Equal(r, back) {
			t.Fatalf("%s: %s", f, cmp.Diff(r, back))
		}
	}
}

// FuzzCSVLines compares with a csv.Reader of its own for each line: nothing of one line may reach
// into the next.
func FuzzCSVLines(f *testing.F) {
	f.Add("a,b\n\"a,b\na\"b,c\n\"a\"b,c\n,x\n")
	f.Add("\"\"\",\n\" a\", b\r\n\r,\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := read("id,name\n"+text, audience.CSV)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			alone := csv.NewReader(strings.NewReader(string(line.Raw)))
			alone.TrimLeadingSpace = true
			alone.FieldsPerRecord = 2
			want, err := alone.Read()
			good := err == nil && utf8.Valid(line.Raw) && line.Raw != nil
			if good != (line.Fault == nil) {
				t.Fatalf("line %q: %v alone, %v in the file", line.Raw, err, line.Fault)
			}
			if good && (want[0] != line.Recipient.ID || want[1] != line.Recipient.Name) {
				t.Fatalf("line %q: %q alone, %+v in the file", line.Raw, want, line.Recipient)
			}
		}
	})
}
