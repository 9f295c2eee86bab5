package notification_test

import (
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func TestAtProvider(t *testing.T) {
	for _, tt := range []struct{ joined, provider, id string }{
		{notification.AtProvider("backup", "SM1"), "backup", "SM1"},
		{notification.AtProvider("backup", ""), "backup", ""},
		{notification.AtProvider("backup", "a|b"), "backup", "a|b"},
		{"SM1", "", "SM1"},
		{"", "", ""},
	} {
		if provider, id := notification.SplitProvider(tt.joined); provider != tt.provider || id != tt.id {
			t.Errorf("%q is %q at %q, want %q at %q", tt.joined, id, provider, tt.id, tt.provider)
		}
		if notification.NamesMessage(tt.joined) != (tt.id != "") {
			t.Errorf("%q names a message: %v", tt.joined, tt.id == "")
		}
	}
}
