package chaos

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"time"
)

// tenures say which process sent on which channel: by channel, in the order of time, each until the
// next. Without any, one process sends on all.
type tenures map[string][]tenure

// tenure is a time from which a process holds the lease of a channel's lane.
type tenure struct {
	since   time.Time
	process string
}

// held reports whether a process sent on a channel at some time of a span.
func (t tenures) held(process, channel string, from, to time.Time) bool {
	if t == nil {
		return true
	}
	all := t[channel]
	for i := range all {
		if all[i].process == process && !all[i].since.After(to) && (i+1 == len(all) || !all[i+1].since.Before(from)) {
			return true
		}
	}
	return false
}

// taken is how a process logs that it has got a lane's lease.
var taken = regexp.MustCompile(`^time=(\S+) level=INFO msg="lease taken" lease=lane-(\S+) `)

// read adds what a process's log says.
func (t tenures) read(process string, log io.Reader) error {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := taken.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		since, err := time.Parse(time.RFC3339Nano, m[1])
		if err != nil {
			return fmt.Errorf("log of %s: %w", process, err)
		}
		t[m[2]] = append(t[m[2]], tenure{since, process})
	}
	for _, all := range t {
		slices.SortFunc(all, func(a, b tenure) int { return a.since.Compare(b.since) })
	}
	return lines.Err()
}

// tenures reads who sent when in the lanes' logs; on the embedded set-up there is nothing to tell.
func (s *stage) tenures() (tenures, error) {
	if s.Setup == Embedded {
		return nil, nil
	}
	all := tenures{}
	for _, name := range s.names(func(r *role) bool { return r.roles == "lane" }) {
		log, err := os.Open(s.find(name).log)
		if err != nil {
			return nil, err
		}
		err = all.read(name, log)
		_ = log.Close()
		if err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no lane says in its log that it has a lease")
	}
	return all, nil
}
