package twilio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func countries() map[string]senders {
	return map[string]senders{"+373": {"Bank"}, "+40": {"BankRO", "+40700000000"}, "+37377": {"BankTR"}}
}

func TestSendersFromYAML(t *testing.T) {
	for text, want := range map[string]map[string]senders{
		"a: Bank":                     {"a": {"Bank"}},
		"a: 12345":                    {"a": {"12345"}},
		"a: [Bank, \"+15005550006\"]": {"a": {"Bank", "+15005550006"}},
		"\"+373\": Bank\n\"+40\": [BankRO, 1234]": {"+373": {"Bank"}, "+40": {"BankRO", "1234"}},
	} {
		var got map[string]senders
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, error %v", text, got, err)
		}
	}
	var got map[string]senders
	if err := yaml.Unmarshal([]byte("a: {b: c}"), &got); err == nil || !strings.Contains(err.Error(), "list of senders") {
		t.Errorf("a mapping: %v, error %v", got, err)
	}
}

func TestSenderFor(t *testing.T) {
	c := &config{From: senders{"+15005550006"}, FromByCountry: countries()}
	for number, want := range map[string]string{
		"+37369000100": "Bank", "+37377700100": "BankTR", "+15558675310": "+15005550006", "+4": "+15005550006", "": "+15005550006",
	} {
		if got := c.senderFor(number); got != want {
			t.Errorf("%s is written to from %s, want %s", number, got, want)
		}
	}
	if got := c.senderFor("+40712345678"); got != "BankRO" && got != "+40700000000" {
		t.Errorf("a Romanian number is written to from %s", got)
	}
	service := &config{MessagingServiceSID: "MG1", FromByCountry: countries()}
	if got := service.senderFor("+15558675310"); got != "" {
		t.Errorf("where the service chooses, %s does", got)
	}
	if got := service.senderFor("+37369000100"); got != "Bank" {
		t.Errorf("a country of its own is written to from %s, want Bank", got)
	}
}

// TestPool: a number always has the same sender, numbers spread over the pool, and a new member takes no
// more than its share from the others.
func TestPool(t *testing.T) {
	const n = 8000
	pool := senders{"+15005550001", "+15005550002", "+15005550003"}
	more := append(senders{"+15005550004"}, pool...)
	count, moved := map[string]int{}, 0
	for i := range n {
		number := fmt.Sprintf("+3736900%04d", i)
		from := pool.of(number)
		count[from]++
		if again := (senders{pool[2], pool[0], pool[1]}).of(number); again != from {
			t.Fatalf("%s is written to from %s, and from %s in another order", number, from, again)
		}
		if now := more.of(number); now != from {
			moved++
			if now != more[0] {
				t.Errorf("%s moved from %s to %s, which isn't the new one", number, from, now)
			}
		}
	}
	for _, from := range pool {
		if count[from] < n/4 || count[from] > n/2 {
			t.Errorf("%s has %d of %d numbers", from, count[from], n)
		}
	}
	if moved < n/6 || moved > n/3 {
		t.Errorf("%d of %d numbers moved, want about a quarter", moved, n)
	}
}

func TestIsSender(t *testing.T) {
	for from, want := range map[string]bool{
		"+15005550006": true, "12345": true, "12345678": true, "Bank": true, "My Bank 24": true, "A&B_c-d+e": true,
		"": false, "+": false, "+12": false, "12": false, "123456789": false, "A very long one": false, "Bank!": false, "Банк": false,
	} {
		if got := isSender(from); got != want {
			t.Errorf("isSender(%q) = %v, want %v", from, got, want)
		}
	}
}
