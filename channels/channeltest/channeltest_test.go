package channeltest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// flawVariable tells a test process of its own which flaw to run the suite on.
const flawVariable = "CHANNELTEST_FLAW"

func pigeonHarness(flaw string) Harness {
	configure := func(key string) func(string) string {
		return func(endpoint string) string { return fmt.Sprintf("key: %s\nloft: %s\n", key, endpoint) }
	}
	return Harness{
		Spec:       pigeonSpec(flaw),
		Simulator:  pigeonLoft(),
		Config:     configure(pigeonKey),
		BadConfig:  configure("chaff-4711"),
		Required:   []string{"key", "loft"},
		Secrets:    []string{pigeonKey, "chaff-4711"},
		Address:    func(d int) string { return fmt.Sprintf("roof-%d", d) },
		RetryAfter: true,
	}
}

// TestRun runs the suite on an adapter that keeps every promise; or, in a process started by
// TestFlawsAreFound, on one that breaks one.
func TestRun(t *testing.T) {
	Run(t, pigeonHarness(os.Getenv(flawVariable)))
}

// TestFlawsAreFound runs the suite on adapters that each break one promise. The suite is to fail, in
// the part that is about that promise.
func TestFlawsAreFound(t *testing.T) {
	for flaw, part := range map[string]string{
		"lax config":                            "config/an_unknown_key_is_named",
		"vague config":                          "config/without_loft",
		"changes the reference":                 "idempotency",
		"loses the text":                        "send/any_text_and_validity",
		"believes too much":                     "send/lost_message",
		"leaks a goroutine":                     "send/accepted_and_counted_once",
		"sends twice":                           "send/accepted_and_counted_once",
		"retries":                               "send/refused_address",
		"ignores a context that is over":        "send/context_already_over",
		"returns plain errors":                  "send/refused_address",
		"takes a lost connection for a failure": "network_in_trouble/connection_lost_after_the_message_was_read",
		"gives up after a cut":                  "network_in_trouble/connections_cut_between_messages",
		"names the address":                     "send/refused_address",
		"names the key":                         "provider_in_trouble/wrong_credentials",
		"forgets Retry-After":                   "provider_in_trouble/too_fast",
		"gives no code":                         "send/refused_address",
		"trusts everybody":                      "receipts/forged",
		"signs the body only":                   "receipts/forged",
		"takes back the first":                  "recall/a_message",
		"fails on what is gone":                 "recall/a_message",
		"says that all is gone":                 "recall/too_late",
		"believes any roof":                     "recall/in_another's_name",
		"forgets the thread":                    "threads/reply",
		"gives up without its thread":           "threads",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			out := runOnFlaw(t, flaw, part)
			if !strings.Contains(out, "--- FAIL: TestRun/"+part) {
				t.Errorf("the suite doesn't fail in %s:\n%s", part, out)
			}
		})
	}
}

// runOnFlaw runs one part of the suite in a process of its own, since a failure there is a success
// here, and returns what it printed.
func runOnFlaw(t *testing.T, flaw, part string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestRun$/^"+strings.ReplaceAll(part, "/", "$/^")+"$", "-test.v")
	cmd.Env = append(os.Environ(), flawVariable+"="+flaw)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("the suite passes an adapter that %s", flaw)
	}
	return string(out)
}
