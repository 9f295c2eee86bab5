package audience

import (
	"sync"
	"time"

	"golang.org/x/text/language"
)

// locale returns the canonical form of a BCP 47 tag, with '_' taken for '-' as many systems write
// it. A tag that names no language is none.
func locale(s string) (string, bool) {
	tag, err := language.Parse(s)
	if err != nil {
		return "", false
	}
	base, _, _ := tag.Raw()
	if base.String() == "und" {
		return "", false
	}
	return tag.String(), true
}

// zone accepts the names of the IANA time zone database. "Local" and "" mean a zone to package time
// that depends on the machine; here they mean none.
func zone(s string) (string, bool) {
	if s == "" || s == "Local" {
		return "", false
	}
	_, err := time.LoadLocation(s)
	return s, err == nil
}

// memo remembers the normal forms that a slow function gave: the locales and zones of a million
// customers are a handful. It is safe for concurrent use.
type memo struct {
	of func(string) (string, bool)

	mu    sync.RWMutex
	forms map[string]string
}

// memoSize bounds a memo: there are about 600 zones, but no end of well-formed language tags.
const memoSize = 1024

func (m *memo) get(s string) (string, bool) {
	m.mu.RLock()
	form, ok := m.forms[s]
	m.mu.RUnlock()
	if ok {
		return form, true
	}
	if form, ok = m.of(s); ok {
		m.put(s, form)
	}
	return form, ok
}

func (m *memo) put(s, form string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forms == nil {
		m.forms = make(map[string]string)
	}
	if len(m.forms) < memoSize {
		m.forms[s] = form
	}
}
