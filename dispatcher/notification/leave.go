package notification

import (
	"crypto/hmac"
	"strconv"
	"strings"
)

// A token to leave by names a notification and a step of its cascade, and so a recipient and a channel,
// without telling anything of either: it stands in unsubscribe links. Its MAC is over other bytes than a
// reference's, so that neither can be made of the other: mailboxes see both.

// leaving begins what the MAC of a token is over; no reference holds a colon.
const leaving = "leave:"

// LeaveToken returns the token by which the recipient of an attempt can leave its channel. All tries of a
// step have the same: letters, digits and '-', at most 40 characters.
func (s *Signer) LeaveToken(id ID) string {
	b := append(make([]byte, 0, len(leaving)+40), leaving...)
	b = strconv.AppendInt(b, id.Notification, 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, uint64(id.Step), 36)
	mac := s.mac(b)
	b = append(b, '-')
	return string(refEncoding.AppendEncode(b, mac)[len(leaving):])
}

// VerifyLeave returns the notification and step that a token names, or ErrBadRef. It takes the same time
// for any wrong MAC.
func (s *Signer) VerifyLeave(token string) (ID, error) {
	parts := strings.SplitN(token, "-", 3)
	if len(parts) != 3 {
		return ID{}, ErrBadRef
	}
	n, err1 := strconv.ParseInt(parts[0], 36, 64)
	step, err2 := strconv.ParseUint(parts[1], 36, 8)
	if err1 != nil || err2 != nil {
		return ID{}, ErrBadRef
	}
	id := ID{Notification: n, Step: uint8(step)}
	if !hmac.Equal([]byte(token), []byte(s.LeaveToken(id))) {
		return ID{}, ErrBadRef
	}
	return id, nil
}
