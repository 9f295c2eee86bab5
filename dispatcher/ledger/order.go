package ledger

import (
	"fmt"
	"time"
)

// Verb is what an operator orders.
type Verb string

// The verbs.
const (
	// Pause stops planning and sending until Resume; what a lane has begun is not called back.
	Pause  Verb = "pause"
	Resume Verb = "resume"
	// Cancel ends updates: what has not left is stopped, and nothing further is tried.
	Cancel Verb = "cancel"
	// Recall cancels updates, and has taken back what was sent of them, where the provider can.
	Recall Verb = "recall"
	// Retry tells an update again to those whom it did not reach, as an update of its own.
	Retry Verb = "retry"
	// Move has the cascades go on whose attempt waits for a channel.
	Move Verb = "move"
	// Budget sets how many billed units (SMS segments) an incident may spend.
	Budget Verb = "budget"
)

// Verbs lists all verbs.
func Verbs() []Verb { return []Verb{Pause, Resume, Cancel, Recall, Retry, Move, Budget} }

// Order is an operator's order. It is carried out once, however often it comes.
type Order struct {
	// ID is given by whoever gives the order.
	ID   string `json:"id"`
	Verb Verb   `json:"verb"`
	// Team and Incident name an incident; Update one of its updates, 0 all of them.
	Team     string `json:"team,omitempty"`
	Incident string `json:"incident,omitempty"`
	Update   int64  `json:"update,omitempty"`
	// Channel is what Move moves from.
	Channel string `json:"channel,omitempty"`
	// Segments is the incident's new cap, of Budget.
	Segments int64 `json:"segments,omitempty"`
	// By and Why say who gives the order, for what reason.
	By  string    `json:"by"`
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// Validate says what is wrong with an order, nil if nothing is. It looks at the order only.
func (o *Order) Validate() error {
	switch {
	case o.ID == "" || len(o.ID) > 100:
		return fmt.Errorf("id: must have between 1 and 100 bytes")
	case o.By == "":
		return fmt.Errorf("by: must say who gives the order")
	case o.Why == "":
		return fmt.Errorf("why: must say for what reason")
	}
	return o.validateTarget()
}

func (o *Order) validateTarget() error {
	named := o.Team != "" && o.Incident != ""
	switch o.Verb {
	case Pause, Resume, Cancel, Recall:
		if !named && o.Update == 0 {
			return fmt.Errorf("%s needs an incident or an update", o.Verb)
		}
	case Retry:
		if o.Update == 0 {
			return fmt.Errorf("%s needs an update", o.Verb)
		}
	case Move:
		if o.Channel == "" {
			return fmt.Errorf("%s needs a channel", o.Verb)
		}
	case Budget:
		if !named || o.Segments <= 0 {
			return fmt.Errorf("%s needs an incident and a number of segments above 0", o.Verb)
		}
	default:
		return fmt.Errorf("verb: %q must be one of %v", o.Verb, Verbs())
	}
	return nil
}

// OrderReport is an order with what came of it.
type OrderReport struct {
	Order
	DoneAt time.Time `json:"done_at"`
	// Refused says that nothing was done; Result says what was done, or why nothing was.
	Refused bool   `json:"refused,omitempty"`
	Result  string `json:"result"`
}

// Errand is a range of notifications that an order is still to be carried out for; for [Withdrawn], of
// recipients.
type Errand struct {
	ID     int64
	Verb   Verb
	Update int64
	// Channel is that of Move; of Recall that whose lane is still to be told of what the engine could not tell
	// it of, "" for all of them.
	Channel string
	// First and Last are ids of notifications.
	First, Last int64
}

// ErrandSize bounds the range of notifications that one errand is about.
const ErrandSize = 5000

// Spending is what an incident's messages cost in billed units, and how much they may.
type Spending struct {
	Spent int64 `json:"spent"`
	// Cap is 0 where there is none.
	Cap int64 `json:"cap,omitempty"`
	// Waiting are the units of messages that wait for a higher cap.
	Waiting int64 `json:"waiting,omitempty"`
}
