package email

import (
	"net/mail"
	"strings"
	"testing"
)

func TestCheckAddress(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	for _, tt := range []struct {
		name, in, want string // want "" is a refusal
	}{
		{"plain", "ana@example.com", "ana@example.com"},
		{"domain in upper case", "Ana.Pop@Example.COM", "Ana.Pop@example.com"},
		{"subaddress", "ana+bank@example.com", "ana+bank@example.com"},
		{"every special of an atom", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{"ASCII form of an international domain", "ana@XN--80ak6aa92e.com", "ana@xn--80ak6aa92e.com"},
		{"digits in the domain", "a@1.2.example", "a@1.2.example"},
		{"longest local part", strings.Repeat("l", 64) + "@example.com", strings.Repeat("l", 64) + "@example.com"},
		{"longest address", "ab@" + label63 + "." + label63 + "." + label63 + "." + strings.Repeat("b", 59), "ab@" + label63 + "." + label63 + "." + label63 + "." + strings.Repeat("b", 59)},

		{"empty", "", ""},
		{"no @", "example.com", ""},
		{"no local part", "@example.com", ""},
		{"no domain", "ana@", ""},
		{"domain without a dot", "ana@localhost", ""},
		{"two @", "ana@bank@example.com", ""},
		{"quoted local part", `"ana pop"@example.com`, ""},
		{"domain literal", "ana@[192.0.2.1]", ""},
		{"IP address", "ana@192.0.2.1", ""},
		{"display name", "Ana <ana@example.com>", ""},
		{"comment", "ana(home)@example.com", ""},
		{"two mailboxes", "ana@example.com,ion@example.com", ""},
		{"space before", " ana@example.com", ""},
		{"line end after", "ana@example.com\r\n", ""},
		{"header injected", "ana@example.com\r\nBcc:b@example.com", ""},
		{"NUL", "a\x00b@example.com", ""},
		{"DEL", "a\x7fb@example.com", ""},
		{"leading dot", ".ana@example.com", ""},
		{"trailing dot", "ana.@example.com", ""},
		{"two dots", "a..b@example.com", ""},
		{"domain with a leading dot", "ana@.example.com", ""},
		{"domain with a trailing dot", "ana@example.com.", ""},
		{"domain with two dots", "ana@example..com", ""},
		{"label with a hyphen first", "ana@-example.com", ""},
		{"label with a hyphen last", "ana@example-.com", ""},
		{"underscore in the domain", "ana@ex_ample.com", ""},
		{"Cyrillic local part", "анна@example.com", ""},
		{"Cyrillic domain", "ana@почта.рф", ""},
		{"look-alike letter in the domain", "ana@exаmple.com", ""},
		{"fullwidth dot", "ana@example．com", ""},
		{"invalid UTF-8", "ana@ex\xffample.com", ""},
		{"local part too long", strings.Repeat("l", 65) + "@example.com", ""},
		{"label too long", "a@" + label63 + "a.com", ""},
		{"address too long", "abc@" + label63 + "." + label63 + "." + label63 + "." + strings.Repeat("b", 59), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := CheckAddress(tt.in)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("CheckAddress(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
			}
			if err != nil && len(tt.in) > 3 && strings.Contains(err.Error(), tt.in) {
				t.Errorf("error %q repeats the address", err)
			}
		})
	}
}

// FuzzCheckAddress checks that what is taken is also taken by net/mail, means the same mailbox there,
// can do no harm in an SMTP command, and is taken again unchanged.
func FuzzCheckAddress(f *testing.F) {
	for _, s := range []string{"ana@example.com", "A.b+c@Example.COM", `"a b"@example.com`, "a@b", "a@[1.2.3.4]", "ă@ț.ro", "a@b.c>\r\nDATA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := CheckAddress(s)
		if err != nil {
			return
		}
		if !strings.EqualFold(got, s) {
			t.Fatalf("CheckAddress(%q) = %q, another mailbox", s, got)
		}
		if strings.ContainsAny(got, " <>,;:\"\\()[]\r\n\x00") {
			t.Fatalf("CheckAddress(%q) = %q, which is dangerous in a command", s, got)
		}
		parsed, err := mail.ParseAddress(got)
		if err != nil || parsed.Address != got {
			t.Fatalf("net/mail reads %q as %v, %v", got, parsed, err)
		}
		if again, err := CheckAddress(got); again != got || err != nil {
			t.Fatalf("CheckAddress(%q) = %q, %v the second time", got, again, err)
		}
	})
}

func BenchmarkCheckAddress(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CheckAddress("maria.popescu+bank@mail.example.com"); err != nil {
			b.Fatal(err)
		}
	}
}
