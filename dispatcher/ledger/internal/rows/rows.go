// Package rows is what the stores of the ledger share in how they write values into columns and
// read them in pages.
package rows

import (
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Join writes a list into one column. Its entries hold no line feeds.
func Join(list []string) string { return strings.Join(list, "\n") }

// Split is the reverse of Join.
func Split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// parsed keeps what texts were parsed to: most rows share theirs with many others.
type parsed[T any] struct {
	mu    sync.RWMutex
	lists map[string][]T
}

const maxParsed = 1 << 16

func (p *parsed[T]) get(text string, parse func(string) ([]T, error)) ([]T, error) {
	if text == "" {
		return nil, nil
	}
	p.mu.RLock()
	list, ok := p.lists[text]
	p.mu.RUnlock()
	if ok {
		return list, nil
	}
	list, err := parse(text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lists == nil || len(p.lists) > maxParsed {
		p.lists = map[string][]T{}
	}
	p.lists[text] = list
	return list, nil
}

// Words splits joined lists. The lists returned are shared and must not be changed. The zero value is
// ready; it is safe for concurrent use.
type Words struct{ parsed parsed[string] }

// Split is the reverse of Join.
func (w *Words) Split(text string) []string {
	list, _ := w.parsed.get(text, func(s string) ([]string, error) { return strings.Split(s, "\n"), nil }) // never fails
	return list
}

// Cascades parses cascades as rows hold them. The lists returned are shared and must not be changed. The
// zero value is ready; it is safe for concurrent use.
type Cascades struct{ parsed parsed[notification.Step] }

// Parse is the reverse of notification.FormatSteps.
func (c *Cascades) Parse(text string) ([]notification.Step, error) {
	return c.parsed.get(text, notification.ParseSteps)
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

// StillDead returns those of the addresses remembered as dead that the recipient still has, by channel.
func StillDead(dead string, has audience.Addresses) audience.Addresses {
	if dead == "" {
		return nil
	}
	var still audience.Addresses
	for _, d := range SplitAddresses(dead) {
		if slices.Contains(has, d) {
			still = append(still, d)
		}
	}
	slices.SortFunc(still, func(a, b audience.Address) int { return strings.Compare(a.Channel, b.Channel) })
	return still
}

// Bury adds the address that a recipient has on a channel to those remembered as dead, one a channel. It
// reports false where there is nothing to remember: the recipient has no such address, or is a public
// account, whose addresses are the configuration's business.
func Bury(r *audience.Recipient, dead, channel string) (string, bool) {
	one := audience.Address{Channel: channel, Address: r.Address(channel)}
	if one.Address == "" || r.Account() {
		return dead, false
	}
	all := slices.DeleteFunc(SplitAddresses(dead), func(a audience.Address) bool { return a.Channel == channel })
	return JoinAddresses(append(all, one)), true
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
