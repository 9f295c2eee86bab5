package incident

import (
	"bytes"
	"encoding/json"
)

// RepeatFaults finds what an update that Tocsin says by itself says otherwise than the one that it follows. It may
// promise another time for the next word, and call an estimate missed that has passed; all else people have let
// go as it is, and it may go out unseen because of that.
func RepeatFaults(u, before *Update) []Fault {
	was, is := before.Data, u.Data
	was.Automatic, was.Follows, was.NextUpdateAt, was.MissedEstimate, was.Corrects, was.MergedInto = "", "", nil, nil, "", ""
	is.Automatic, is.Follows, is.NextUpdateAt = "", "", nil
	if e := was.Estimate; e != nil && is.Estimate == nil {
		was.Estimate, was.MissedEstimate = nil, &e.At
	}
	a, errWas := json.Marshal(was)
	b, errIs := json.Marshal(is)
	if errWas != nil || errIs != nil || !bytes.Equal(a, b) {
		return []Fault{{"data.automatic", "must say what the update said that it follows: only next_update_at may differ, and an estimate be missed"}}
	}
	return nil
}
