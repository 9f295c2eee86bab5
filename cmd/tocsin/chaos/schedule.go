package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// Kind is what sort of fault it is.
type Kind string

// The kinds of fault.
const (
	Kill       Kind = "kill"          // kill -9 of a role's process, started again later
	Term       Kind = "term"          // SIGTERM, started again when it has stopped
	Freeze     Kind = "freeze"        // SIGSTOP, SIGCONT later: for longer than a lease lasts, or shorter
	CutNATS    Kind = "cut nats"      // a process's connections to NATS end, and none are made for a while
	StallNATS  Kind = "stall nats"    // a process's connections to NATS stay, and nothing passes
	CutLedger  Kind = "cut ledger"    // a process's connections to the database end
	StallDB    Kind = "stall ledger"  // they stay, and nothing passes
	CutHTTP    Kind = "cut http"      // whoever speaks to the API or brings receipts is cut off
	KillNode   Kind = "kill node"     // kill -9 of a NATS server
	TermNode   Kind = "term node"     // a NATS server is restarted
	KillNodes  Kind = "kill nodes"    // two of three, so that there is no majority
	KillLedger Kind = "kill ledger"   // kill -9 of PostgreSQL
	StopLedger Kind = "stop ledger"   // PostgreSQL is restarted
	FullStream Kind = "stream full"   // a stream may not grow any more
	FullLedger Kind = "ledger full"   // the ledger's file may not grow any more
	Conduct    Kind = "provider"      // a provider behaves badly
	Refill     Kind = "streams small" // the embedded streams are flooded until they take no more
	Overdue    Kind = "stop overdue"  // not in the schedule: a process did not stop in order, and was killed
)

// Fault is one thing that goes wrong, and for how long.
type Fault struct {
	At     time.Duration // since the faults began
	For    time.Duration // until it is put right
	Kind   Kind
	Target string
	How    string // what a provider does
}

func (f Fault) String() string {
	s := fmt.Sprintf("%-12s %s", f.Kind, f.Target)
	if f.How != "" {
		s += " " + f.How
	}
	return s + fmt.Sprintf(" for %.1fs", f.For.Seconds())
}

// menu is one kind of fault that may be scheduled.
type menu struct {
	kind    Kind
	weight  int
	least   time.Duration // how long it lasts
	most    time.Duration
	targets []string
	// group is what may have one fault at a time, with calm after it; "" is each target for itself.
	group string
	calm  time.Duration
	how   []string
}

// schedule makes the faults of a drill: the same for the same seed, duration and menu. They come every
// two to six seconds; in a drill of less than two minutes, twice as close.
func schedule(seed uint64, duration time.Duration, all []menu) []Fault {
	rng := rand.New(rand.NewPCG(seed, 1))
	busy := map[string]time.Duration{} // until when a target or group has a fault
	gap := 2 * time.Second
	if duration < 2*time.Minute {
		gap /= 2
	}
	var faults []Fault
	at := gap / 2
	for at < duration {
		if f, ok := draw(rng, at, all, busy); ok {
			faults = append(faults, f)
		}
		at += gap + time.Duration(rng.Int64N(int64(2*gap)))
	}
	return faults
}

// draw picks a fault among those that may begin at that time.
func draw(rng *rand.Rand, at time.Duration, all []menu, busy map[string]time.Duration) (Fault, bool) {
	type choice struct {
		m      *menu
		target string
	}
	var free []choice
	total := 0
	for i := range all {
		m := &all[i]
		var targets []string
		for _, t := range m.targets {
			if busy[t] <= at && (m.group == "" || busy[m.group] <= at) {
				targets = append(targets, t)
			}
		}
		if len(targets) > 0 {
			free = append(free, choice{m, targets[rng.IntN(len(targets))]})
			total += m.weight
		}
	}
	if total == 0 {
		return Fault{}, false
	}
	n := rng.IntN(total)
	i := slices.IndexFunc(free, func(c choice) bool { n -= c.m.weight; return n < 0 })
	m, target := free[i].m, free[i].target
	f := Fault{At: at, Kind: m.kind, Target: target, For: m.least + time.Duration(rng.Int64N(int64(m.most-m.least)+1))}
	if len(m.how) > 0 {
		f.How = m.how[rng.IntN(len(m.how))]
	}
	busy[target] = at + f.For + m.calm
	if m.group != "" {
		busy[m.group] = at + f.For + m.calm
	}
	return f, true
}

// second is a unit for menus.
const second = time.Second

// conducts are the ways in which providers behave badly.
func conducts() []string {
	return []string{"unavailable", "rate_limited", "hanging", "mute", "late", "lossy", "noisy", "slow"}
}

// clusterMenu is what goes wrong on a cluster.
func clusterMenu(roles, ledgers, nodes, providers []string) []menu {
	var pairs []string
	for i := range nodes {
		pairs = append(pairs, nodes[i]+"+"+nodes[(i+1)%len(nodes)])
	}
	return []menu{
		{kind: Kill, weight: 24, least: second / 5, most: 5 * second, targets: roles, calm: 2 * second},
		{kind: Term, weight: 12, least: second / 5, most: 3 * second, targets: roles, calm: 2 * second},
		{kind: Freeze, weight: 10, least: second, most: 11 * second, targets: roles, calm: 2 * second},
		{kind: CutNATS, weight: 7, least: 0, most: 10 * second, targets: roles, calm: second},
		{kind: StallNATS, weight: 6, least: 2 * second, most: 12 * second, targets: roles, calm: second},
		{kind: CutLedger, weight: 5, least: 0, most: 6 * second, targets: ledgers, calm: second},
		{kind: StallDB, weight: 3, least: 2 * second, most: 8 * second, targets: ledgers, calm: second},
		{kind: KillNode, weight: 9, least: second / 2, most: 8 * second, targets: nodes, group: "store", calm: 4 * second},
		{kind: TermNode, weight: 3, least: second / 2, most: 3 * second, targets: nodes, group: "store", calm: 4 * second},
		{kind: KillNodes, weight: 2, least: second, most: 7 * second, targets: pairs, group: "store", calm: 8 * second},
		{kind: KillLedger, weight: 5, least: second / 5, most: 5 * second, targets: []string{postgresName}, group: "store", calm: 3 * second},
		{kind: StopLedger, weight: 4, least: second / 5, most: 4 * second, targets: []string{postgresName}, group: "store", calm: 3 * second},
		{kind: FullStream, weight: 5, least: 4 * second, most: 10 * second, targets: []string{"SEND", "RESULTS", "RECEIPTS", "INCIDENTS", "ORDERS", bus.RecallsStream}, group: "store", calm: 2 * second},
		{kind: Conduct, weight: 18, least: 2 * second, most: 14 * second, targets: providers, calm: 3 * second, how: conducts()},
	}
}

// embeddedMenu is what goes wrong where one process does everything.
func embeddedMenu(server string, providers []string) []menu {
	one := []string{server}
	return []menu{
		{kind: Kill, weight: 40, least: second / 5, most: 3 * second, targets: one, calm: 3 * second},
		{kind: Term, weight: 10, least: second / 5, most: 2 * second, targets: one, calm: 3 * second},
		{kind: Freeze, weight: 8, least: second, most: 10 * second, targets: one, calm: 2 * second},
		{kind: CutHTTP, weight: 8, least: second, most: 8 * second, targets: []string{"http"}, calm: second},
		{kind: FullLedger, weight: 6, least: 4 * second, most: 8 * second, targets: one, calm: 3 * second},
		{kind: Refill, weight: 4, least: 4 * second, most: 8 * second, targets: one, calm: 3 * second},
		{kind: Conduct, weight: 24, least: 2 * second, most: 14 * second, targets: providers, calm: 3 * second, how: conducts()},
	}
}
