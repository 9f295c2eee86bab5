package bus

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// MaxAttempts bounds a batch.
const MaxAttempts = 256

// Batch is what travels on SEND: attempts that share everything but address and values.
type Batch struct {
	ID       int64  `json:"id"`
	Update   int64  `json:"update"`
	Team     string `json:"team"`
	Incident string `json:"incident"`
	// Topic is what messages about the incident have in common, as in channels.Message.
	Topic   string `json:"topic,omitempty"`
	Channel string `json:"channel"`
	Locale  string `json:"locale"`
	Step    uint8  `json:"step,omitempty"`
	Try     uint8  `json:"try,omitempty"`
	// Last says that no step of the cascade follows: better an uncertain way than none.
	Last bool `json:"last,omitempty"`
	// InDoubt says what to do with attempts that may have gone out before a crash.
	InDoubt notification.InDoubt `json:"in_doubt"`
	// UsefulFor is how long the news is worth delivering, in seconds; 0 is no limit.
	UsefulFor int64                `json:"useful_for,omitempty"`
	Content   notification.Content `json:"content"`
	// Usual is the content for attempts without values, made once by the lane; nil before that.
	Usual    *notification.Content `json:"-"`
	Attempts []Attempt             `json:"attempts"`
	Priority notification.Priority `json:"priority"`
}

// Attempt is one attempt of a batch.
type Attempt struct {
	Notification int64             `json:"n"`
	Address      string            `json:"a"`
	Values       map[string]string `json:"v,omitempty"`
	// Threads are the first messages that the recipient was given about the incident on this channel, one
	// of each provider, as notification.AtProvider names them.
	Threads []string `json:"t,omitempty"`
}

// Record is an entry of a batch's journal, on its RESULTS subject. The journal is what a lane has
// promised and reported, so that another lane can take over at any point:
//
//   - Through is a lane's promise: attempts from that index on have not been started. Each record
//     raises it, but for the one by which a lane hands over, which says how far it really went.
//   - Results say what became of attempts; each attempt gets exactly one.
//   - Revoked names notifications whose attempt must not start any more. Such a record comes from
//     the fallback engine, and by its mere presence refuses the lane's next record, so that the
//     lane reads it before it goes on.
//   - Lane tells the records of one lane's work on the batch from all others, so that a lane knows
//     its own again whose acknowledgement was lost.
type Record struct {
	Batch   int64    `json:"batch"`
	Step    uint8    `json:"step,omitempty"`
	Try     uint8    `json:"try,omitempty"`
	Lane    string   `json:"lane,omitempty"`
	Through int      `json:"through,omitempty"`
	Results []Result `json:"results,omitempty"`
	Revoked []int64  `json:"revoked,omitempty"`
}

// ResultState is what a lane says of an attempt.
type ResultState string

// What lanes say.
const (
	ResultAccepted ResultState = "accepted"
	ResultFailed   ResultState = "failed"
	ResultUnknown  ResultState = "unknown"
	ResultReturned ResultState = "returned" // not sent; may be queued again
	ResultRevoked  ResultState = "revoked"  // not sent, as it was told
)

// Result is what a lane says of one attempt.
type Result struct {
	// Index is the attempt's place in its batch, Notification what it is of.
	Index        int            `json:"i"`
	Notification int64          `json:"n"`
	State        ResultState    `json:"s"`
	Proof        channels.Proof `json:"p,omitempty"` // what an acceptance already proves
	ProviderID   string         `json:"id,omitempty"`
	// Provider is the one of the channel's providers that answered; omitted where there is one only.
	Provider string         `json:"provider,omitempty"`
	Class    channels.Class `json:"class,omitempty"`
	Code     string         `json:"code,omitempty"`
	// Repeat says that the attempt was sent although a crash had left it in doubt: it may have been sent
	// before.
	Repeat bool `json:"repeat,omitempty"`
	// RetryAfter is how long a returned attempt should wait, in milliseconds of machine time.
	RetryAfter int64 `json:"retry_ms,omitempty"`
	// DownFor is how long every provider of the channel has been left alone when the attempt was
	// returned, in milliseconds of machine time; omitted while one of them works.
	DownFor int64 `json:"down_ms,omitempty"`
}

// Receipt is what a provider said of one attempt, by the attempt's identity where the provider
// knows it, else by the provider's own id.
type Receipt struct {
	Notification int64                 `json:"n,omitempty"`
	Step         uint8                 `json:"step,omitempty"`
	Try          uint8                 `json:"try,omitempty"`
	ProviderID   string                `json:"id,omitempty"`
	State        channels.ReceiptState `json:"s"`
	Code         string                `json:"code,omitempty"`
	Dead         bool                  `json:"dead,omitempty"` // of a failure: the address is invalid
	At           time.Time             `json:"at,omitzero"`
}

// Receipts is what travels on RECEIPTS: what arrived within a few milliseconds.
type Receipts struct {
	Channel  string    `json:"channel"`
	Receipts []Receipt `json:"receipts"`
}
