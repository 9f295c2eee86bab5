package sandbox

import (
	"net"
	"testing"
)

func TestFreeAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 20 {
		address, err := FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("%s is not free: %v", address, err)
		}
		defer l.Close()
		if port := l.Addr().(*net.TCPAddr).Port; seen[address] || port < firstPort || port > lastPort {
			t.Errorf("address %s", address)
		}
		seen[address] = true
	}
}
