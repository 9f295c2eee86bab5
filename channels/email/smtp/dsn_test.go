package smtp

import (
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestDSNIsAskedForWhereItIsOffered looks at the envelope's commands.
func TestDSNIsAskedForWhereItIsOffered(t *testing.T) {
	for _, tt := range []struct {
		name       string
		extensions []string
		want       []string
	}{
		{"offered", []string{"PIPELINING", "DSN"}, []string{
			"MAIL FROM:<bounces+ref-1@example.com> RET=HDRS ENVID=ref-1", "RCPT TO:<ana.0@example.com> NOTIFY=FAILURE",
		}},
		{"not offered", pipelining, []string{"MAIL FROM:<bounces+ref-1@example.com>", "RCPT TO:<ana.0@example.com>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := play(t, tt.extensions, func(_ int, line string) string { return willing(line) })
			mustSend(t, newTestRelay(t, served{url: s.url}, "bounce_address: bounces@example.com\n"), testMessage("ref-1"))
			s.mu.Lock()
			defer s.mu.Unlock()
			got := slices.DeleteFunc(slices.Clone(s.lines), func(line string) bool {
				return !strings.HasPrefix(line, "MAIL") && !strings.HasPrefix(line, "RCPT")
			})
			if !slices.Equal(got, tt.want) {
				t.Errorf("the relay heard %q, want %q", got, tt.want)
			}
		})
	}
}

// TestWays: what is configured of bounces is what the Sender listens to.
func TestWays(t *testing.T) {
	const base = "host: relay.example.com\nfrom: notices@example.com\nbounce_address: bounces@example.com\n"
	for text, want := range map[string]int{"": 0, "bounces: {maildir: /var/mail/b, listen: \"lmtp:///run/b.sock\"}\n": 2} {
		sender, err := New(yamlDecoder(base+text), channels.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(sender.(channels.Listener).Ways()); got != want {
			t.Errorf("%q gives %d ways, want %d", text, got, want)
		}
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	}
}
