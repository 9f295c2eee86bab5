package ledger

// Charged is how a batch stands to its incident's budget.
type Charged uint8

// The ways to stand to a budget. Their numbers are stored: append only.
const (
	Unasked Charged = iota // not counted yet
	Counted                // its units are spent
	Beyond                 // it waits for a higher cap
)

// Account is an incident's budget, in billed units.
type Account struct {
	Spent int64
	// Cap is 0 where there is none.
	Cap int64
}

// Charge counts a batch's units, which stands as was until now, and returns how it stands from now on.
// A batch is counted once, and whole or not at all: never beyond the cap.
func (a *Account) Charge(units int64, was Charged) Charged {
	switch {
	case units == 0 || was == Counted:
		return was
	case a.Cap > 0 && a.Spent+units > a.Cap:
		return Beyond
	}
	a.Spent += units
	return Counted
}
