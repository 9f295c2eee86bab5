package sandbox

import (
	"hash/maphash"
	"sync"
)

// Tally counts what a provider did, over all addresses or for one.
type Tally struct {
	Accepted  int `json:"accepted"`
	Delivered int `json:"delivered"`
	Refused   int `json:"refused"`
	// Repeats counts messages whose text had already been accepted for the same address.
	Repeats int `json:"repeats"`
}

// book is a provider's own record of what it was given, kept apart from whatever the sender of the
// messages believes: the independent witness.
type book struct {
	mu        sync.Mutex
	total     Tally
	addresses map[string]*page
}

type page struct {
	Tally
	texts []uint64 // hash of each text accepted so far
}

func newBook() *book { return &book{addresses: map[string]*page{}} }

func (b *book) page(address string) *page {
	p := b.addresses[address]
	if p == nil {
		p = &page{}
		b.addresses[address] = p
	}
	return p
}

func (b *book) accept(address, text string) {
	sum := maphash.String(seed, text)
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.page(address)
	p.Accepted++
	b.total.Accepted++
	for _, t := range p.texts {
		if t == sum {
			p.Repeats++
			b.total.Repeats++
			return
		}
	}
	p.texts = append(p.texts, sum)
}

func (b *book) refuse(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page(address).Refused++
	b.total.Refused++
}

func (b *book) deliver(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page(address).Delivered++
	b.total.Delivered++
}

// Total returns the counts over all addresses.
func (b *book) Total() Tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// each calls f for every address, in no order.
func (b *book) each(f func(address string, t Tally)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for address, p := range b.addresses {
		f(address, p.Tally)
	}
}

func (b *book) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total, b.addresses = Tally{}, map[string]*page{}
}
