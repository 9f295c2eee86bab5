package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/bus/bustest"
)

func TestStreamsBelongToOneLedger(t *testing.T) {
	b := bustest.Start(t)
	mine, others := strings.Repeat("a", 32), strings.Repeat("b", 32)
	for range 2 {
		if err := b.Claim(t.Context(), mine); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Claim(t.Context(), others); !errors.Is(err, bus.ErrOtherLedger) {
		t.Errorf("another ledger: error %v", err)
	}
	if err := b.Claim(t.Context(), mine); err != nil {
		t.Errorf("the first ledger again: %v", err)
	}
}
