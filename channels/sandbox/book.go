package sandbox

import (
	"hash/maphash"
	"sync"
	"time"
)

// Tally counts what a provider did, over all addresses or for one.
type Tally struct {
	Accepted  int `json:"accepted"`
	Delivered int `json:"delivered"`
	Refused   int `json:"refused"`
	// Repeats counts messages whose text had already been accepted for the same address.
	Repeats int `json:"repeats"`
	// Recalled counts messages that were taken back after they had been accepted.
	Recalled int `json:"recalled,omitempty"`
}

// book is a provider's own record of what it was given, kept apart from whatever the sender of the
// messages believes: the independent witness.
type book struct {
	mu        sync.Mutex
	total     Tally
	addresses map[string]*page
	keep      bool      // whether messages are kept whole
	messages  []Message // in the order of their acceptance
}

// Message is one that a provider took.
type Message struct {
	Address string    `json:"address"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
	// Delivered says that it reaches the recipient; it is reported, or not, some time later.
	Delivered bool `json:"delivered"`
	// ReplyTo is the provider's id of the message that it follows in a thread, "" for one by itself.
	ReplyTo string `json:"reply_to,omitempty"`
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

func (b *book) accept(address, text, replyTo string, delivered bool) {
	sum := maphash.String(seed, text)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keep {
		b.messages = append(b.messages, Message{address, text, time.Now(), delivered, replyTo})
	}
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

func (b *book) recall(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.page(address).Recalled++
	b.total.Recalled++
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
	b.total, b.addresses, b.messages = Tally{}, map[string]*page{}, nil
}

// keepMessages has messages kept whole from now on.
func (b *book) keepMessages() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep = true
}

// kept returns the messages that were kept, in the order of their acceptance. They don't change.
func (b *book) kept() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.messages[:len(b.messages):len(b.messages)]
}
