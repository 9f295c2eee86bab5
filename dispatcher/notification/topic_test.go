package notification

import "testing"

func TestTopic(t *testing.T) {
	a := Topic("cards", "1")
	if len(a) != 32 || a != Topic("cards", "1") {
		t.Errorf("topic %q", a)
	}
	for _, other := range [][2]string{{"cards", "2"}, {"atm", "1"}, {"cards\x001", ""}, {"card", "s1"}} {
		if Topic(other[0], other[1]) == a {
			t.Errorf("%q has the topic of another incident", other)
		}
	}
}
