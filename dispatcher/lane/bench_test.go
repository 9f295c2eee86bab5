package lane

import (
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// BenchmarkBatch sends whole batches to a provider that costs next to nothing.
func BenchmarkBatch(b *testing.B) {
	l := newTestLane(nil, newProvider(), nil)
	l.window = window(l.limits)
	for b.Loop() {
		l.Bus, l.jobs = &memory{}, make(chan job)
		if err := process(b.Context(), l, testBatch(1, bus.MaxAttempts)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/bus.MaxAttempts, "ns/attempt")
}
