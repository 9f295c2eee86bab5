package bluesky

import (
	"fmt"
	"regexp"
	"testing"
)

func TestRecordKeys(t *testing.T) {
	form := regexp.MustCompile(`^3l[2-7a-z]{11}$|^3m[2-7a-z]{11}$`) // of the years 2024 to 2026
	seen := map[string]bool{}
	for i := range 10000 {
		key := recordKey(fmt.Sprintf("%d-0-0-abc", i))
		if !form.MatchString(key) || seen[key] {
			t.Fatalf("key %q of %d, twice: %v", key, i, seen[key])
		}
		seen[key] = true
	}
	if a := recordKey("0192-a-1-mac"); a != recordKey("0192-a-1-mac") {
		t.Error("the same reference gives different keys")
	}
}

func TestParseURI(t *testing.T) {
	for uri, want := range map[string]bool{
		testURI: true, "": false, "at://did:plc:a/app.bsky.feed.like/3k": false, "https://bsky.app/profile/a/post/3k": false,
		"at://bank.example/app.bsky.feed.post/3k": false, "at://did:web:bank.example/app.bsky.feed.post/3k": true, testURI + "/x": false,
	} {
		if _, _, ok := parseURI(uri); ok != want {
			t.Errorf("%q is an address: %v, want %v", uri, ok, want)
		}
	}
}
