package lint

import (
	"slices"
	"testing"
)

func TestFindLinks(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                    nil,
		"See https://bank.example/a, please.": {"https://bank.example/a"},
		"(http://bank.example)":               {"http://bank.example"},
		"bank.example/a?b=c.":                 {"bank.example/a?b=c"},
		"Go to BANK.example":                  {"BANK.example"},
		"It ended.We are sorry":               nil, // a space is missing, and no more
		"e.g. at 5 p.m. or 13.5 lei":          nil,
		"Server 10.0.0.1 is up":               {"10.0.0.1"},
		"10.0.0.1:8080/x":                     {"10.0.0.1:8080/x"},
		"mail help@bank.example now":          {"help@bank.example"},
		"https://user@bank.example/":          {"https://user@bank.example/"},
		"пишите на банк.рф":                   {"банк.рф"},
		"tg://resolve?domain=x":               {"tg://resolve?domain=x"},
	} {
		var got []string
		for _, l := range findLinks(text) {
			if text[l.at:l.at+len(l.text)] != l.text {
				t.Errorf("%q: %q is not at %d", text, l.text, l.at)
			}
			got = append(got, l.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	m := newMessage(&Input{Settings: Settings{Domains: []string{"banca-nord.example", "bn.example"}}})
	for text, want := range map[string]int{
		"https://banca-nord.example":                  soundLink,
		"https://status.banca-nord.example/x?y=z":     soundLink,
		"https://bn.example":                          soundLink,
		"banca-nord.example":                          soundLink, // without a scheme a reader's program adds https
		"https://BANCA-NORD.example":                  soundLink,
		"help@banca-nord.example":                     soundLink,
		"http://banca-nord.example":                   plainLink,
		"ftp://banca-nord.example":                    plainLink,
		"https://banca-nord.example:8443":             addressLink,
		"https://www@banca-nord.example":              addressLink,
		"https://192.0.2.1":                           addressLink,
		"https://[2001:db8::1]/":                      addressLink,
		"https://3221225985/":                         addressLink,
		"https://0xC0000201/":                         addressLink,
		"https://xn--bnca-nord-53g.example/":          addressLink,
		"https://bit.ly/a":                            shortenedLink,
		"https://news.example":                        foreignLink,
		"help@news.example":                           foreignLink,
		"https://bancanord.example":                   lookalikeLink,
		"https://banca-n0rd.example":                  lookalikeLink,
		"https://banca-nоrd.example":                  lookalikeLink, // a Cyrillic о
		"https://bаnk.example":                        lookalikeLink, // a Cyrillic а in whatever name
		"https://banca-nrod.example":                  lookalikeLink,
		"https://banca-nordd.example":                 lookalikeLink,
		"https://banca-nord.example.evil.example":     lookalikeLink,
		"https://banca-nord-refund.example":           lookalikeLink,
		"https://banca-nord.shop":                     lookalikeLink,
		"https://banca.nord.example":                  lookalikeLink,
		"help@banca-nord.help":                        lookalikeLink,
		"https://banca-nord.example@evil.example/x":   addressLink,
		"https://evil.example/banca-nord.example":     foreignLink,
		"https://banca-nord.example\\@evil.example/x": soundLink, // as browsers read it
	} {
		links := findLinks(text)
		if len(links) != 1 {
			t.Errorf("%s: %d links", text, len(links))
			continue
		}
		if got := m.judge(links[0]); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// TestJudgeWithoutDomains: where the organisation's domains aren't known, no link is foreign.
func TestJudgeWithoutDomains(t *testing.T) {
	m := newMessage(&Input{})
	for text, want := range map[string]int{
		"https://anything.example": soundLink,
		"help@anything.example":    soundLink,
		"http://anything.example":  plainLink,
		"https://tinyurl.com/x":    shortenedLink,
	} {
		if got := m.judge(findLinks(text)[0]); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"bank", "bank", 0}, {"bank", "bnak", 1}, {"bank", "ban", 1}, {"bank", "banks", 1},
		{"bank", "bark", 1}, {"bank", "kanb", 2}, {"банк", "бонк", 1},
	} {
		if got := distance(tt.a, tt.b); got != tt.want || distance(tt.b, tt.a) != got {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestNumbersOfPersons(t *testing.T) {
	for n, want := range map[string]bool{"4111111111111111": true, "4111111111111112": false, "5500005555555559": true} {
		if luhn(n) != want {
			t.Errorf("luhn(%s) = %v", n, !want)
		}
	}
	for n, want := range map[string]bool{
		"MD24 AG00 0225 1000 1310 4168": true, "RO49AAAA1B31007593840000": true,
		"MD25 AG00 0225 1000 1310 4168": false, "MD24": false,
	} {
		if goodIBAN(n) != want {
			t.Errorf("goodIBAN(%s) = %v", n, !want)
		}
	}
}
