package social

import (
	"strconv"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// UntilReset is how long a rate limit lasts whose end a header of the answer gives, as Unix time in
// seconds. It is 0 where there is none, or a time that is past, and a day where it is longer than that.
func UntilReset(a channels.Answer, header string) time.Duration {
	reset, err := strconv.ParseInt(a.Header.Get(header), 10, 64)
	now := a.Time().Unix()
	if err != nil || reset <= now {
		return 0
	}
	return time.Duration(min(reset-now, 24*60*60)) * time.Second
}
