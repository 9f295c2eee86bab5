package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// print writes the figures for people.
func (f *figures) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	bare := median(f.rounds, func(r round) time.Duration { return r.bareCPU })
	cpu := median(f.rounds, func(r round) time.Duration { return r.cpu })
	wall := median(f.rounds, func(r round) time.Duration { return r.wall })
	fmt.Fprintf(w, "\n\tround\trecipients\tbare CPU µs\tTocsin CPU µs\tratio\tbare/s\tTocsin/s\t\n")
	for i, r := range f.rounds {
		n := float64(r.recipients)
		fmt.Fprintf(w, "\t%d\t%d\t%.1f\t%.1f\t%.2f\t%.0f\t%.0f\t\n", i+1, r.recipients,
			float64(r.bareCPU.Nanoseconds())/1e3/n, float64(r.cpu.Nanoseconds())/1e3/n, r.bareCPU.Seconds()/r.cpu.Seconds(),
			n/r.bare.Seconds(), n/r.wall.Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nmedians: bare clients %.1f CPU-µs, Tocsin %.1f CPU-µs per recipient; ratio %.2f; %.0f recipients/s\n", bare, cpu, bare/cpu, 1e6/wall)
	n := float64(f.recipients)
	fmt.Fprintf(out, "peak RSS %.0f MiB; on disk per recipient: JetStream %.0f bytes, ledger %.0f bytes\n\n",
		float64(f.peakRSS)/(1<<20), float64(f.jetstream)/n/float64(len(f.rounds)), float64(f.ledger)/n/float64(len(f.rounds)))
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "by role (a further round, profiled)\tCPU-µs\tbytes allocated\n")
	for _, r := range f.roles {
		fmt.Fprintf(w, "%s\t%.1f\t%.0f\n", r.name, float64(r.nanos)/1e3/n, float64(r.bytes)/n)
	}
	return w.Flush()
}
