package messenger

import "testing"

func TestCheckNumber(t *testing.T) {
	for in, want := range map[string]string{
		"+37369123456": "+37369123456", " +373 (69) 123-456": "+37369123456", "+1.650.555.1234": "+16505551234",
		"": "", "37369123456": "", "069123456": "", "+069123456": "", "+3736": "", "+373691234567890123": "",
		"+37369123abc": "", "whatsapp:+37369123456": "", "++37369123456": "",
	} {
		got, err := CheckNumber(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("CheckNumber(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestCheckID(t *testing.T) {
	for in, want := range map[string]string{
		"25381719828140932": "25381719828140932", " 1 ": "1", "": "", "m.me/x": "", "-5": "", "123456789012345678901": "",
	} {
		got, err := CheckID(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("CheckID(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}
