package notification

import "testing"

func TestCanBeRecalled(t *testing.T) {
	for _, tt := range []struct {
		a    Attempt
		want bool
	}{
		{Attempt{State: Accepted, Took: true, ProviderID: "17"}, true},
		{Attempt{State: Delivered, Took: true, ProviderID: "p|17"}, true},
		{Attempt{State: Read, Took: true, ProviderID: "17"}, true},
		{Attempt{State: Expired, Took: true, ProviderID: "17"}, true},     // it was silent, and may be there
		{Attempt{State: Expired, ProviderID: "17"}, false},                // it never left, as far as is known
		{Attempt{State: Failed, Took: true, ProviderID: "17"}, false},     // it bounced
		{Attempt{State: Queued, ProviderID: "17"}, false},                 // it hasn't left
		{Attempt{State: Unknown, ProviderID: "17"}, false},                // nor is it known to have
		{Attempt{State: Revoked, ProviderID: "17"}, false},                // it was stopped
		{Attempt{State: NoAttempt}, false},                                // there is none
		{Attempt{State: Accepted, Took: true}, false},                     // nobody could say which
		{Attempt{State: Accepted, Took: true, ProviderID: "p|"}, false},   // nor here
		{Attempt{State: Accepted, Took: true, ProviderID: "p|a|b"}, true}, // ids have such characters too
		{Attempt{State: Accepted, Took: true, ProviderID: "17", Recall: RecallKept}, true},
	} {
		if got := tt.a.CanBeRecalled(); got != tt.want {
			t.Errorf("%+v: %v", tt.a, got)
		}
	}
}

// TestRecallNumbers: they are stored.
func TestRecallNumbers(t *testing.T) {
	for number, r := range []Recall{NotRecalled, RecallWanted, RecallAsked, RecallKept, Recalled} {
		if int(r) != number {
			t.Errorf("%v is %d, and was %d", r, r, number)
		}
	}
	if got := (Recalled + 1).String(); got != "recall 5" {
		t.Errorf("one that there is not: %q", got)
	}
}
