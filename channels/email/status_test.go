package email

import "testing"

func TestParseStatus(t *testing.T) {
	for in, want := range map[string]Status{
		"5.1.1": {5, 1, 1}, "4.4.7": {4, 4, 7}, "2.0.0": {2, 0, 0}, "5.4.310": {5, 4, 310},
	} {
		if got, ok := ParseStatus(in); !ok || got != want || got.String() != in {
			t.Errorf("ParseStatus(%q) = %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "5", "5.1", "5.1.1.1", "3.1.1", "5..1", "5.1.1111", "5.1.a", "5.-1.1", " 5.1.1"} {
		if got, ok := ParseStatus(in); ok {
			t.Errorf("ParseStatus(%q) = %v, want a refusal", in, got)
		}
	}
}

func TestBadMailbox(t *testing.T) {
	for in, want := range map[string]bool{
		"5.1.1": true, "5.1.2": true, "5.1.6": true, "5.1.10": true, "5.2.1": true, "5.4.4": true,
		"5.1.7": false, "5.1.8": false, "5.2.2": false, "5.4.7": false, "5.7.1": false, "5.0.0": false,
	} {
		s, _ := ParseStatus(in)
		if s.BadMailbox() != want {
			t.Errorf("%s: a bad mailbox is %v, want %v", in, !want, want)
		}
	}
}
