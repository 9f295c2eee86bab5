package playbook

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a playbook.
type Fault struct {
	// Place is the file and line, or the file, or the playbook's folder.
	Place   string `json:"place"`
	Problem string `json:"problem"`
}

func (f Fault) String() string { return f.Place + ": " + f.Problem }

// Faults are all that is wrong.
type Faults []Fault

// Error lists them, one a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// err is nil if nothing is wrong.
func (fs Faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

func faultAt(place, format string, args ...any) Fault {
	return Fault{Place: place, Problem: fmt.Sprintf(format, args...)}
}

// faultsOf makes a fault of every error that was joined, each of which begins with its place.
func faultsOf(err error) Faults {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all Faults
		for _, e := range joined.Unwrap() {
			all = append(all, faultsOf(e)...)
		}
		return all
	}
	var already Faults
	if errors.As(err, &already) {
		return already
	}
	place, problem, _ := strings.Cut(strings.TrimSpace(err.Error()), ": ")
	return Faults{{Place: place, Problem: problem}}
}
