package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Evidence is a file of JSON lines that says of one incident who was told what, when, on which channel
// and with what proof. Its lines are, by their "type":
//
//	header    which incident, as of when
//	update    one for each update: what was said, in every text, and what the trail says of it
//	notified  one for each recipient of an update: the attempts made, and how it ended
//	seal      the last line: the SHA-256 of all lines before it, and the head of the trail
//
// Recipients are named by their ids; there are no addresses in it. Who holds a head of the trail that
// was noted at the time (in a report, in the log) can show that the seal's trail contains it.
const evidenceFormat = "tocsin evidence 1"

// Header is the first line of evidence.
type Header struct {
	Type   string `json:"type"` // "header"
	Format string `json:"format"`
	ledger.IncidentKey
	// AsOf is when the ledger was read.
	AsOf time.Time `json:"as_of"`
}

// UpdateSaid is a line for an update.
type UpdateSaid struct {
	Type  string             `json:"type"` // "update"
	ID    int64              `json:"id"`
	State ledger.UpdateState `json:"state"`
	// Reason is why it was not announced.
	Reason     string    `json:"reason,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
	ApprovedAt time.Time `json:"approved_at,omitzero"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	// Approvals are what was said of it while it was held; the trail says the same.
	Approvals []ledger.ApprovalSaid `json:"approvals,omitempty"`
	Audience  int64                 `json:"audience"`
	// Terms are those on which it was taken in (playbook.Terms as JSON); the trail has the digest of these bytes.
	Terms string `json:"terms,omitempty"`
	// Dropped is what was counted of the notifications before their rows were dropped as too old
	// (ledger.RowCounts); then none, or not all, follow. The trail has its digest.
	Dropped string `json:"dropped,omitempty"`
	// Update is the update as it was recorded; the digest in the trail is that of exactly these bytes.
	Update string     `json:"update"`
	Texts  []TextSaid `json:"texts"`
	// Trail are the trail's entries about the update.
	Trail []LinkSaid `json:"trail"`
}

// TextSaid is a frozen text. Content is a string so that its bytes are those of which Hash is the SHA-256.
type TextSaid struct {
	Kind    channels.Kind `json:"kind"`
	Locale  string        `json:"locale"`
	Hash    string        `json:"hash"`
	Content string        `json:"content"`
}

// LinkSaid is an entry of the trail: Hash is the SHA-256 of Prev's bytes and Body.
type LinkSaid struct {
	Seq  int64       `json:"seq"`
	Body string      `json:"body"`
	Prev ledger.Hash `json:"prev"`
	Hash ledger.Hash `json:"hash"`
}

// Notified is a line for one recipient of an update.
type Notified struct {
	Type         string        `json:"type"` // "notified"
	Update       int64         `json:"update"`
	Notification int64         `json:"notification"`
	Recipient    string        `json:"recipient"`
	Locale       string        `json:"locale"`
	Attempts     []AttemptMade `json:"attempts"`
	Outcome      string        `json:"outcome"`
	Reason       string        `json:"reason,omitempty"`
	// Channel reached the recipient, with Proof.
	Channel   string    `json:"channel,omitempty"`
	Proof     string    `json:"proof,omitempty"`
	SettledAt time.Time `json:"settled_at,omitzero"`
}

// AttemptMade is one step of a cascade.
type AttemptMade struct {
	Step     uint8     `json:"step"`
	Try      uint8     `json:"try"`
	Channel  string    `json:"channel"`
	QueuedAt time.Time `json:"queued_at"`
	State    string    `json:"state"`
	// Taken says that the provider has taken it; ProviderID is what it calls it, Code why it failed.
	Taken      bool   `json:"taken"`
	ProviderID string `json:"provider_id,omitempty"`
	Code       string `json:"code,omitempty"`
	// Recall says how far the taking back of its message is, if an operator has recalled the update: of what
	// was "recalled" the provider says that it isn't there any more, what was "recall_kept" stays. State and
	// the notification's proof still say what had been proven before.
	Recall string `json:"recall,omitempty"`
}

// Seal is the last line of evidence.
type Seal struct {
	Type string `json:"type"` // "seal"
	// Lines is the number of lines before it, SHA256 the hash of those, with their line feeds, in hex.
	Lines     int64            `json:"lines"`
	SHA256    string           `json:"sha256"`
	TrailHead ledger.TrailHead `json:"trail_head"`
}

// Export writes an incident's evidence as of now, and returns its seal. It returns ledger.ErrNotFound
// if there is no such incident; what was written before an error has no seal.
func Export(ctx context.Context, l Ledger, k ledger.IncidentKey, now time.Time, w io.Writer) (Seal, error) {
	e := &exporter{out: bufio.NewWriter(w), sum: sha256.New(), seal: Seal{Type: "seal"}}
	err := l.View(ctx, func(v ledger.View) error {
		us, err := v.KeptUpdates(ctx, k)
		if err != nil {
			return err
		}
		if len(us) == 0 {
			return ledger.ErrNotFound
		}
		if e.seal.TrailHead, err = v.TrailHead(ctx); err != nil {
			return err
		}
		if err := e.line(Header{Type: "header", Format: evidenceFormat, IncidentKey: k, AsOf: now.UTC()}); err != nil {
			return err
		}
		if err := e.updates(ctx, v, us); err != nil {
			return err
		}
		return e.notified(ctx, v, us)
	})
	if err != nil {
		return e.seal, err
	}
	e.seal.SHA256 = hex.EncodeToString(e.sum.Sum(nil))
	if err := json.NewEncoder(e.out).Encode(e.seal); err != nil {
		return e.seal, err
	}
	return e.seal, e.out.Flush()
}

type exporter struct {
	out  *bufio.Writer
	sum  hash.Hash
	seal Seal
}

// line writes one line, and counts it in.
func (e *exporter) line(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	e.seal.Lines++
	e.sum.Write(b)
	_, err = e.out.Write(b)
	return err
}

func (e *exporter) updates(ctx context.Context, v ledger.View, us []ledger.KeptUpdate) error {
	for i := range us {
		u := &us[i]
		texts, err := v.KeptTexts(ctx, u.ID)
		if err != nil {
			return err
		}
		links, err := v.TrailOf(ctx, u.ID)
		if err != nil {
			return err
		}
		words, err := v.Approvals(ctx, u.ID)
		if err != nil {
			return err
		}
		said := UpdateSaid{
			Type: "update", ID: u.ID, State: u.State, Reason: u.Reason, ReceivedAt: u.ReceivedAt, ApprovedAt: u.ApprovedAt,
			ApprovedBy: u.ApprovedBy, Audience: u.Audience, Update: string(u.Value), Dropped: string(u.Dropped),
			Approvals: words, Terms: string(u.TermsValue),
		}
		for _, x := range texts {
			said.Texts = append(said.Texts, TextSaid{x.Kind, x.Locale, x.Hash, string(x.Content)})
		}
		for _, l := range links {
			said.Trail = append(said.Trail, LinkSaid{l.Seq, string(l.Body), l.Prev, l.Hash})
		}
		if err := e.line(said); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) notified(ctx context.Context, v ledger.View, us []ledger.KeptUpdate) error {
	ids := make([]int64, len(us))
	for i := range us {
		ids[i] = us[i].ID
	}
	for after := int64(0); ; {
		ns, next, err := v.NotificationsOf(ctx, ids, after, rowsAPage)
		if err != nil || len(ns) == 0 {
			return err
		}
		var numbers []int64
		for i := range ns {
			numbers = append(numbers, ns[i].Recipient)
		}
		people, err := recipients(ctx, v, numbers)
		if err != nil {
			return err
		}
		for i := range ns {
			if err := e.line(notified(&ns[i], people[ns[i].Recipient])); err != nil {
				return err
			}
		}
		after = next
	}
}

func notified(n *notification.Notification, r *ledger.Recipient) Notified {
	line := Notified{
		Type: "notified", Update: n.Update, Notification: n.ID, Locale: n.Locale, Attempts: []AttemptMade{},
		Outcome: n.Outcome.String(), Reason: string(n.Reason), Channel: n.ReachedBy, SettledAt: n.SettledAt,
	}
	if r != nil {
		line.Recipient = r.ID
	}
	if n.Outcome == notification.Reached {
		line.Proof = n.Proof.String()
	}
	if n.Attempt.State == notification.NoAttempt {
		return line
	}
	for a := range n.Attempts() {
		line.Attempts = append(line.Attempts, AttemptMade{
			Step: a.Step, Try: a.Try, Channel: a.Channel, QueuedAt: a.QueuedAt, State: a.State.String(),
			Taken: a.Took, ProviderID: a.ProviderID, Code: a.Code, Recall: recallOf(a.Recall),
		})
	}
	return line
}

// recallOf is "" where nobody wanted the message back.
func recallOf(r notification.Recall) string {
	if r == notification.NotRecalled {
		return ""
	}
	return r.String()
}
