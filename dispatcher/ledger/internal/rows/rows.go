// Package rows is what the stores of the ledger share in how they write values into columns and
// read them in pages.
package rows

import (
	"iter"
	"strings"
	"sync"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

// Join writes a list into one column. Its entries hold no line feeds.
func Join(list []string) string { return strings.Join(list, "\n") }

// Words splits joined lists and keeps the results: most recipients share theirs with many others.
// The lists returned are shared and must not be changed. The zero value is ready; it is safe for
// concurrent use.
type Words struct {
	mu    sync.RWMutex
	lists map[string][]string
}

const maxWords = 1 << 16

// Split is the reverse of Join.
func (w *Words) Split(s string) []string {
	if s == "" {
		return nil
	}
	w.mu.RLock()
	list, ok := w.lists[s]
	w.mu.RUnlock()
	if ok {
		return list
	}
	list = strings.Split(s, "\n")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lists == nil || len(w.lists) > maxWords {
		w.lists = map[string][]string{}
	}
	w.lists[s] = list
	return list
}

// JoinAddresses writes addresses into one column: lines of channel, tab, address.
func JoinAddresses(as []audience.Address) string {
	var b strings.Builder
	for i, a := range as {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(a.Channel)
		b.WriteByte('\t')
		b.WriteString(a.Address)
	}
	return b.String()
}

// SplitAddresses is the reverse of JoinAddresses.
func SplitAddresses(s string) []audience.Address {
	if s == "" {
		return nil
	}
	as := make([]audience.Address, 0, strings.Count(s, "\n")+1)
	for line := range strings.SplitSeq(s, "\n") {
		channel, address, _ := strings.Cut(line, "\t")
		as = append(as, audience.Address{Channel: channel, Address: address})
	}
	return as
}

// Numbered is a row with the number by which rows are in order.
type Numbered[T any] struct {
	Number int64
	Row    T
}

// PerPage is how many rows a page of Paged has; one that has fewer is the last.
const PerPage = 1000

// Paged yields rows page by page; an error ends it. Between pages it holds no connection and no view
// of the store: whoever takes the rows may be slow, and must not keep the engine from reading, nor
// the store from clearing up behind itself.
func Paged[T any](page func(after int64) ([]Numbered[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := int64(0); ; {
			rows, err := page(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range rows {
				if !yield(rows[i].Row, nil) {
					return
				}
			}
			if len(rows) < PerPage {
				return
			}
			after = rows[len(rows)-1].Number
		}
	}
}
