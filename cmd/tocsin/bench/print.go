package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// print writes the figures for people.
func (f *figures) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n\tincident\tupdate\trecipients\tbare CPU µs\tTocsin CPU µs\tratio\tdatabase CPU µs\tbare/s\tTocsin/s\t\n")
	for _, r := range f.rounds {
		n := float64(r.recipients)
		fmt.Fprintf(w, "\t%d\t%d\t%d\t%.1f\t%.1f\t%.2f\t%.1f\t%.0f\t%.0f\t\n", r.incident+1, r.update+1, r.recipients,
			float64(r.bareCPU.Nanoseconds())/1e3/n, float64(r.cpu.Nanoseconds())/1e3/n, r.bareCPU.Seconds()/r.cpu.Seconds(),
			float64(r.server.Nanoseconds())/1e3/n, n/r.bare.Seconds(), n/r.wall.Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for update := range f.rounds[len(f.rounds)-1].update + 1 {
		f.printMedians(out, update)
	}
	return f.printRest(out)
}

// printMedians writes the medians over all incidents of their nth update.
func (f *figures) printMedians(out io.Writer, update int) {
	rounds := slices.DeleteFunc(slices.Clone(f.rounds), func(r round) bool { return r.update != update })
	bare := median(rounds, func(r round) time.Duration { return r.bareCPU })
	cpu := median(rounds, func(r round) time.Duration { return r.cpu })
	wall := median(rounds, func(r round) time.Duration { return r.wall })
	server := median(rounds, func(r round) time.Duration { return r.server })
	fmt.Fprintf(out, "medians, update %d: bare clients %.1f CPU-µs, Tocsin %.1f CPU-µs per recipient (and the database's server %.1f); ratio %.2f; %.0f recipients/s\n",
		update+1, bare, cpu, server, bare/cpu, 1e6/wall)
}

// printRest writes what is not measured by the round.
func (f *figures) printRest(out io.Writer) error {
	n := float64(f.recipients)
	fmt.Fprintf(out, "peak RSS %.0f MiB; on disk per recipient: JetStream %.0f bytes, ledger %.0f bytes\n\n",
		float64(f.peakRSS)/(1<<20), float64(f.jetstream)/n/float64(len(f.rounds)), float64(f.ledger)/n/float64(len(f.rounds)))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "by role (a further round, profiled)\tCPU-µs\tbytes allocated\tbare CPU-µs\tbare bytes\n")
	for _, r := range f.roles {
		bare := named(f.bareRoles, r.name)
		fmt.Fprintf(w, "%s\t%.1f\t%.0f\t%.1f\t%.0f\n", r.name,
			float64(r.nanos)/1e3/n, float64(r.bytes)/n, float64(bare.nanos)/1e3/n, float64(bare.bytes)/n)
	}
	return w.Flush()
}

// named returns the role of that name; nothing used where there is none.
func named(roles []role, name string) role {
	for _, r := range roles {
		if r.name == name {
			return r
		}
	}
	return role{name: name}
}
