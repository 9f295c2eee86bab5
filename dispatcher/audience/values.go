package audience

import (
	"maps"
	"slices"
	"strings"
)

// Limits of the values that texts may say of a recipient.
const (
	MaxValues    = 16  // of one recipient
	MaxValueName = 32  // characters of a value's name
	MaxValue     = 200 // bytes of a value: they travel with every message
)

const (
	reasonValueName = "has a name of other characters than a-z and _, or of more than 32"
	reasonOwnField  = "is a field of its own: name"
)

// IsValueName reports whether a value may be called so: 1 to 32 of the characters a-z and _.
func IsValueName(s string) bool {
	return s != "" && len(s) <= MaxValueName && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' })
}

// values trims values and drops empty ones. The map given is not written to.
func (f *faults) values(given map[string]string) map[string]string {
	var normal map[string]string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v := strings.TrimSpace(given[name])
		switch {
		case v == "":
			continue
		case !IsValueName(name):
			f.once("values", reasonValueName)
			continue
		case name == "name":
			f.add("values.name", reasonOwnField)
			continue
		}
		if reason := unfit(v, MaxValue); reason != "" {
			f.add("values."+name, reason)
		} else if len(v) > MaxValue {
			f.add("values."+name, reasonLong)
		}
		if normal == nil {
			normal = make(map[string]string, len(given))
		}
		normal[name] = v
	}
	if len(normal) > MaxValues {
		f.add("values", reasonLong)
	}
	return normal
}

// once adds a fault that other entries of the same field may have had already.
func (f *faults) once(field, reason string) {
	if !slices.Contains(*f, Fault{field, reason}) {
		f.add(field, reason)
	}
}

// valueColumn is a column of CSV that holds one value.
func valueColumn(name string) column {
	value, ok := strings.CutPrefix(name, valuePrefix)
	if !ok || !IsValueName(value) {
		return nil
	}
	return func(r *Recipient, cell string) {
		if cell == "" {
			return
		}
		if r.Values == nil {
			r.Values = map[string]string{}
		}
		r.Values[value] = cell
	}
}

// valuePrefix begins the names of those columns.
const valuePrefix = "value."
