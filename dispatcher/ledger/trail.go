package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// The trail is the ledger's append-only account of what was decided and how it ended: a handful of
// entries an update, never one a recipient, and one for each consent that a customer withdraws or gives
// back; each written in the transaction that makes it true. The
// entries are a chain: each one's hash covers the hash of the one before, so that none can be
// changed, taken out or put in without every later hash changing. What the chain can't show by
// itself is that its end was cut off; for that the head leaves the machine (in reports, in the log,
// in the metrics), and an audit can be told the head that it must still contain.

// Hash is the SHA-256 of a trail entry and of all before it. The zero Hash stands before the first.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hash in hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads a hash in hex.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("a hash has %d hex digits, this has %d characters", hex.EncodedLen(len(h)), len(b))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// TrailHead is the newest entry of a trail: its number, 0 where there is none, and its hash. It is written
// as SEQ:HASH.
type TrailHead struct {
	Seq  int64
	Hash Hash
}

// String writes a head as SEQ:HASH.
func (h TrailHead) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + h.Hash.String() }

// MarshalText writes a head as SEQ:HASH.
func (h TrailHead) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads SEQ:HASH.
func (h *TrailHead) UnmarshalText(b []byte) error {
	seq, hash, _ := strings.Cut(string(b), ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if err == nil {
		err = h.Hash.UnmarshalText([]byte(hash))
	}
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no head of a trail, want SEQ:HASH", b)
	}
	h.Seq = n
	return nil
}

// TrailKind is what an entry tells of.
type TrailKind string

// The kinds of entry.
const (
	// TrailBegun is the first entry: of updates up to the one it names, older than the trail, it may
	// know nothing.
	TrailBegun        TrailKind = "begun"
	TrailRecorded     TrailKind = "update_recorded" // with the hashes of what it says
	TrailApproved     TrailKind = "approved"        // by whom
	TrailNotAnnounced TrailKind = "not_announced"   // why
	TrailPlanned      TrailKind = "planned"         // the audience is frozen
	TrailClosed       TrailKind = "closed"          // how many ended how
	TrailRejected     TrailKind = "update_rejected" // the message's hash
	TrailOrder        TrailKind = "order"           // what an operator did, and why
	TrailDropped      TrailKind = "dropped"         // its rows were too old to be kept; the hash of what is kept
	TrailConsent      TrailKind = "consent"         // withdrawn or given: by whom, on which channel, how
	// What was said of a held update: see Word. What it came to, if anything, is the next entry.
	TrailApproval   = TrailKind(SaidYes)
	TrailBreakGlass = TrailKind(SaidBreakGlass)
	TrailRefusal    = TrailKind(SaidNo)
	TrailTimeOut    = TrailKind(SaidByTime)
)

// TrailEntry is what one entry says. Seq is given by the store, the rest by who appends it; only what
// the kind asks for is set. Its JSON is what is hashed: fields in this order, times in UTC to the
// millisecond.
type TrailEntry struct {
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	Kind     TrailKind `json:"kind"`
	Team     string    `json:"team,omitempty"`
	Incident string    `json:"incident,omitempty"`
	// Update is the update's id in the ledger, Event the id that its publisher gave it.
	Update int64  `json:"update,omitempty"`
	Event  string `json:"event,omitempty"`
	// Digest is the SHA-256 of the update as the ledger keeps it, of the message that was refused, or of
	// the counts that are kept of rows that were dropped.
	Digest string       `json:"digest,omitempty"`
	Texts  []TextDigest `json:"texts,omitempty"`
	// By is who approved or ordered it, Order what was ordered (of a consent: withdrawn or given), Why the
	// reason.
	By    string `json:"by,omitempty"`
	Order string `json:"order,omitempty"`
	Why   string `json:"why,omitempty"`
	// Audience is the number of notifications, Outcomes how they ended.
	Audience *int64         `json:"audience,omitempty"`
	Outcomes []TrailOutcome `json:"outcomes,omitempty"`
	// Recipient is the organisation's id of the customer whose consent to Channel has changed, Source how.
	Recipient string `json:"recipient,omitempty"`
	Channel   string `json:"channel,omitempty"`
	Source    string `json:"source,omitempty"`
	// Terms is the SHA-256 of an update's terms as the ledger keeps them (playbook.Terms as JSON).
	Terms string `json:"terms,omitempty"`
	// Of an approval: the account that gave it, what was seen, and the older update in whose place this one
	// was let go.
	Account string `json:"account,omitempty"`
	Seen    string `json:"seen,omitempty"`
	Instead int64  `json:"instead_of,omitempty"`
}

// TextDigest says which text was frozen: its hash is that of Text.
type TextDigest struct {
	Kind   channels.Kind `json:"kind"`
	Locale string        `json:"locale"`
	Hash   string        `json:"hash"`
}

// TrailOutcome counts the notifications of an update that ended in one way, by the channel that
// reached them.
type TrailOutcome struct {
	Outcome string `json:"outcome"`
	Channel string `json:"channel,omitempty"`
	Count   int64  `json:"count"`
}

// TrailLink is an entry as a store keeps it. Body is its canonical JSON; the fields beside it repeat
// what is in it, for the store's questions.
type TrailLink struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Kind   TrailKind `json:"kind"`
	Update int64     `json:"update,omitempty"`
	Body   []byte    `json:"body"`
	Prev   Hash      `json:"prev"`
	Hash   Hash      `json:"hash"`
}

// Append makes the link that follows a head. A store inserts it and makes it the head in the
// transaction of what the entry tells of; two transactions must not append to the same head.
func (h TrailHead) Append(e TrailEntry) (TrailLink, error) {
	e.Seq, e.At = h.Seq+1, e.At.UTC().Truncate(time.Millisecond)
	body, err := json.Marshal(e)
	if err != nil {
		return TrailLink{}, err
	}
	return TrailLink{Seq: e.Seq, At: e.At, Kind: e.Kind, Update: e.Update, Body: body, Prev: h.Hash, Hash: linkHash(h.Hash, body)}, nil
}

// Extend makes the links that follow a head, in the order of the entries. The first that a ledger ever
// gets are preceded by the one that says since when there is a trail: of updates up to before it need
// know nothing.
func (h TrailHead) Extend(before int64, entries ...TrailEntry) ([]TrailLink, error) {
	if h.Seq == 0 && len(entries) > 0 {
		entries = append([]TrailEntry{{Kind: TrailBegun, At: entries[0].At, Update: before}}, entries...)
	}
	links := make([]TrailLink, 0, len(entries))
	for _, e := range entries {
		l, err := h.Append(e)
		if err != nil {
			return nil, err
		}
		links, h = append(links, l), l.Head()
	}
	return links, nil
}

// linkHash is SHA-256(previous hash ‖ body).
func linkHash(prev Hash, body []byte) Hash {
	return sha256.Sum256(append(prev[:], body...))
}

// Head is the head of a trail that ends with the link.
func (l *TrailLink) Head() TrailHead { return TrailHead{l.Seq, l.Hash} }

// TrailVerifier checks the links of a trail, from the first on.
type TrailVerifier struct {
	// Head is that of what was checked.
	Head TrailHead
}

// Check checks the next link and returns what it says. After an error it goes on from what the link
// claims to be, so that one fault is not found again in every later link.
func (v *TrailVerifier) Check(l *TrailLink) (TrailEntry, error) {
	before := v.Head
	v.Head = l.Head()
	var e TrailEntry
	switch {
	case l.Seq != before.Seq+1:
		return e, fmt.Errorf("entry %d follows entry %d", l.Seq, before.Seq)
	case l.Prev != before.Hash:
		return e, fmt.Errorf("entry %d follows hash %s, but the entry before it has %s", l.Seq, l.Prev, before.Hash)
	case l.Hash != linkHash(l.Prev, l.Body):
		return e, fmt.Errorf("entry %d has hash %s, but what it says has %s", l.Seq, l.Hash, linkHash(l.Prev, l.Body))
	}
	if err := json.Unmarshal(l.Body, &e); err != nil {
		return e, fmt.Errorf("entry %d: %w", l.Seq, err)
	}
	if e.Seq != l.Seq || e.Kind != l.Kind || e.Update != l.Update || !e.At.Equal(l.At) {
		return e, fmt.Errorf("entry %d says %s, but is kept as %s of update %d at %s",
			l.Seq, bytes.TrimSpace(l.Body), l.Kind, l.Update, l.At.Format(time.RFC3339Nano))
	}
	return e, nil
}
