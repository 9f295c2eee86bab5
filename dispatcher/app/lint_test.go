package app

import (
	"slices"
	"testing"
)

// TestLinkDomains: links may lead to the organisation's own domains and its status page.
func TestLinkDomains(t *testing.T) {
	for _, tt := range []struct {
		own  []string
		page string
		want []string
	}{
		{nil, "", nil},
		{nil, "https://status.bank.example", []string{"bank.example"}},
		{nil, "https://bank.example/status", []string{"bank.example"}},
		{nil, "https://status.bank.co.uk:8443/", []string{"bank.co.uk"}},
		{[]string{"bank.example"}, "https://bank.statuspages.example", []string{"bank.example", "bank.statuspages.example"}},
		{[]string{"bank.example"}, "", []string{"bank.example"}},
	} {
		c := Defaults()
		c.OwnDomains, c.StatusPage = tt.own, tt.page
		if got := c.LintSettings().Domains; !slices.Equal(got, tt.want) {
			t.Errorf("%v and %q: %v, want %v", tt.own, tt.page, got, tt.want)
		}
	}
}
