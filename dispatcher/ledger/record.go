package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// NobodyAffected is the reason of an update that is closed without having had an audience.
const NobodyAffected = "nobody is affected: the audience is empty"

// SameNews returns ErrReused if an update says something else than the one recorded under its source
// and id. Its time may differ: who publishes a file again needn't remember when it was first.
func SameNews(recorded, u *incident.Update) error {
	was, errWas := json.Marshal(recorded.Data)
	is, errIs := json.Marshal(u.Data)
	if err := errors.Join(errWas, errIs); err != nil {
		return err
	}
	if !bytes.Equal(was, is) {
		return ErrReused
	}
	return nil
}

// ApprovedBefore is the reason of an update that is not announced because a newer one was let go first.
func ApprovedBefore(newer int64) string {
	return fmt.Sprintf("older than update %d, which was approved before it", newer)
}
