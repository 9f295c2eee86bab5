package rows

import (
	"maps"
	"slices"
	"strings"
)

// JoinValues writes a recipient's values into one column: lines of name, tab, value, in order of the names.
func JoinValues(values map[string]string) string {
	lines := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		lines = append(lines, name+"\t"+values[name])
	}
	return Join(lines)
}

// SplitValues is the reverse of JoinValues.
func SplitValues(s string) map[string]string {
	if s == "" {
		return nil
	}
	values := make(map[string]string, strings.Count(s, "\n")+1)
	for line := range strings.SplitSeq(s, "\n") {
		name, value, _ := strings.Cut(line, "\t")
		values[name] = value
	}
	return values
}
