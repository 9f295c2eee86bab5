package sandbox

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports from which FreeAddress chooses: below those that systems give to outgoing connections, so
// that none of these takes it before its listener does.
const (
	firstPort = 10_000
	lastPort  = 29_999
)

// FreeAddress returns an address of this machine at which nobody listens just now, for what must be told
// beforehand where it is to listen.
func FreeAddress() (string, error) {
	var errs []error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort+1)))
		l, err := net.Listen("tcp", address)
		if err == nil {
			return address, l.Close()
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}
