package social

import (
	"errors"

	"github.com/tocsin-dev/tocsin/channels"
)

// Unseen is the answer to the recall of a post that a network says it can't find, with a code, where the account
// is not allowed to look whether it is there. For all we know it is. To ask again would tell nothing new, and use
// up the few deletions that networks allow.
func Unseen(code string) *channels.Error {
	return &channels.Error{Class: channels.Rejected, Code: code + " unseen", Err: errors.New("not allowed to look whether the post is there")}
}
