package bench

import (
	"bytes"
	"cmp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// role is a part of the process with what it used.
type role struct {
	name  string
	nanos int64 // CPU, sampled
	bytes int64 // allocated, sampled
}

// markers tell by the functions on a stack whose work it is; the first that matches counts. What the
// bare clients do counts as that of the role that does the same in Tocsin.
var markers = []struct{ role, function string }{
	{"lane", "tocsin/dispatcher/lane."},
	{"fallback", "tocsin/fallback."},
	{"dispatcher", "tocsin/dispatcher."},
	{"http", "tocsin/dispatcher/httpapi."},
	{"lane", "tocsin/bench.(*bare).send"},
	{"http", "tocsin/bench.newBare."},
	{"bench itself", "tocsin/bench."},
	{"lane", "net/http.(*persistConn)"},
	{"lane", "net/http.(*Transport)"},
	{"http", "net/http.(*conn)"},
	{"http", "net/http.(*Server)"},
	{"http", "net/http.(*connReader)"},
	{"nats server", "nats-server/v2/server."},
	{"nats client", "nats-io/nats.go"},
	{"garbage collector", "runtime.gcBgMarkWorker"},
	{"garbage collector", "runtime.bgsweep"},
	{"garbage collector", "runtime.bgscavenge"},
}

func roleOf(s *profile.Sample) string {
	for _, m := range markers {
		for _, l := range s.Location {
			for _, line := range l.Line {
				if line.Function != nil && strings.Contains(line.Function.Name, m.function) {
					return m.role
				}
			}
		}
	}
	return "runtime"
}

// attribute sums a CPU profile, and the difference of two allocation profiles, by role.
func attribute(cpuProfile, allocsBefore, allocsAfter []byte) ([]role, error) {
	nanos, err := sum(cpuProfile, "cpu")
	if err != nil {
		return nil, err
	}
	before, err := sum(allocsBefore, "alloc_space")
	if err != nil {
		return nil, err
	}
	after, err := sum(allocsAfter, "alloc_space")
	if err != nil {
		return nil, err
	}
	var roles []role
	for name, n := range nanos {
		roles = append(roles, role{name, n, after[name] - before[name]})
	}
	slices.SortFunc(roles, func(a, b role) int { return cmp.Compare(b.nanos, a.nanos) })
	return roles, nil
}

func sum(raw []byte, what string) (map[string]int64, error) {
	p, err := profile.Parse(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	value := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == what })
	sums := map[string]int64{}
	for _, s := range p.Sample {
		sums[roleOf(s)] += s.Value[value]
	}
	return sums, nil
}

// allocations returns the profile of everything allocated so far.
func allocations() ([]byte, error) {
	runtime.GC() // the profile is as of the last collection
	var buf bytes.Buffer
	err := pprof.Lookup("allocs").WriteTo(&buf, 0)
	return buf.Bytes(), err
}
