package audience_test

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func TestPhone(t *testing.T) {
	for given, want := range map[string]string{
		"+37369123456":       "+37369123456",
		"+373 69 123-456":    "+37369123456",
		"069123456":          "+37369123456",
		"69123456":           "+37369123456",
		"0 (69) 123.456":     "+37369123456",
		"0037369123456":      "+37369123456",
		"37369123456":        "+37369123456",
		"+373\u00a069123456": "+37369123456",
		"022 123456":         "+37322123456",
		"+44 7400 123456":    "+447400123456",
		"+39 06 6":           "", // too short for Rome
		"+390669812345":      "+390669812345",
	} {
		got, err := audience.Phone("md")(given)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestPhoneRefuses(t *testing.T) {
	md, none := audience.Phone("MD"), audience.Phone("")
	for _, tt := range []struct {
		check audience.AddressCheck
		given string
		want  string
	}{
		{md, "", "exists"},
		{md, "+", "exists"},
		{md, "12", "exists"},
		{md, "+373691234567", "exists"},
		{md, "+37310123456", "exists"},
		{md, "3.73E+10", "characters"},
		{md, "069123456 ext 5", "characters"},
		{md, "+373691234x6", "characters"},
		{md, "٠٦٩١٢٣٤٥٦", "characters"},
		{md, "+37390012345", "premium"},
		{none, "069123456", "country"},
		{none, "0037369123456", "country"},
		{audience.Phone("ZZ"), "069123456", "country"},
	} {
		got, err := tt.check(tt.given)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %q, %v; want an error about %s", tt.given, got, err, tt.want)
		}
	}
	if got, err := none(" +37369123456"); got != "+37369123456" {
		t.Errorf("international number without default country: %q, %v", got, err)
	}
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"+37369123456", "069 123 456", "0039 06 69812345", "+1 (650) 253-0000", "+++", "00"} {
		f.Add(s)
	}
	check := audience.Phone("MD")
	f.Fuzz(func(t *testing.T, s string) {
		normal, err := check(s)
		if err != nil {
			return
		}
		if again, err := check(normal); err != nil || again != normal {
			t.Errorf("%q became %q, which became %q, %v", s, normal, again, err)
		}
	})
}

func BenchmarkPhone(b *testing.B) {
	check := audience.Phone("MD")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := check("069 123 456"); err != nil {
			b.Fatal(err)
		}
	}
}
