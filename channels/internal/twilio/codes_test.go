package twilio

import (
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
)

// TestClassOf holds codes that adapters meet to their classes.
func TestClassOf(t *testing.T) {
	for class, codes := range map[channels.Class][]int{
		channels.InvalidAddress: {21211, 21214, 21610, 21614, 30005, 30006, 63003, 63024, 13224},
		channels.Rejected:       {21408, 21612, 21617, 30003, 30004, 30007, 30036, 63013, 63016, 21215},
		channels.Auth:           {20003, 21212, 21660, 30002, 30034, 21705, 63007, 21210},
		channels.RateLimited:    {14107, 20429, 21611, 30001, 63018, 63038, 10004},
		channels.Unavailable:    {20503, 21730},
	} {
		for _, code := range codes {
			if got, known := ClassOf(code); !known || got != class {
				t.Errorf("%d is %v (%v), want %v", code, got, known, class)
			}
		}
	}
}

// TestUnlisted: what says nothing clear isn't in the table, so that the HTTP status decides.
func TestUnlisted(t *testing.T) {
	for _, code := range []int{0, 20001, 20500, 30008, 30020, 30021, 30410, 63009, 63010, 63012, 99999} {
		if class, known := ClassOf(code); known {
			t.Errorf("%d is in the table, as %v", code, class)
		}
	}
	for code := range 100000 {
		if class, known := ClassOf(code); known && class == channels.Unknown {
			t.Errorf("%d is listed as unknown, which is for what isn't listed", code)
		}
	}
}
