package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// fakePhones is how many made-up numbers there are.
const fakePhones = 4_000_000

// FakePhone makes up a Moldovan mobile number, unique in a seed for i below four million, and ""
// from there on. The numbers are those of +373 63… to 66…: the national numbering plan sets them
// aside for mobile telephony, so libphonenumber takes them for valid, but its carrier data names no
// network that they were given to.
func FakePhone(i int, seed uint64) string {
	if i >= fakePhones {
		return ""
	}
	// A step without a common divisor with fakePhones visits each number once, in no visible order.
	const step = 2_654_435_761
	n := (uint64(i)*step + mixed(seed)%fakePhones) % fakePhones
	return "+373" + strconv.FormatUint(63_000_000+n, 10)
}

// FakeMailbox makes up a mailbox, unique in i, in one of the domains that RFC 2606 keeps for examples.
func FakeMailbox(i int, seed uint64) string {
	domain := "example.com"
	if mixed(seed^uint64(i))%2 == 0 {
		domain = "example.org"
	}
	return fmt.Sprintf("customer.%07d@%s", i+1, domain)
}

// FakeChatID makes up an id of 15 digits, unique in i, as that of a private chat: Telegram's ids have at most 52
// significant bits (https://core.telegram.org/bots/api#chat); these are far above all that were given
// to anybody, which have ten digits.
func FakeChatID(i int, seed uint64) string {
	return strconv.FormatUint(900_000_000_000_000+mixed(seed)%1_000*1_000_000_000+uint64(i), 10)
}

// FakeUserID makes up an opaque id like those that Viber gives to a bot's users, unique in i: 24 characters
// of base64 that end in "=". Real ones belong to one bot, so that one bot's are nobody's for another.
func FakeUserID(i int, seed uint64) string {
	var id [17]byte
	binary.BigEndian.PutUint64(id[:8], mixed(uint64(i)^seed))
	binary.BigEndian.PutUint64(id[8:16], mixed(uint64(i)+seed))
	return base64.StdEncoding.EncodeToString(id[:])
}

// FakeToken makes up a token like those that push services give to apps, unique in i: 64 hexadecimal digits.
func FakeToken(i int, seed uint64) string {
	var token [32]byte
	for n := range 4 {
		binary.BigEndian.PutUint64(token[8*n:], mixed(uint64(i)^mixed(seed+uint64(n))))
	}
	return hex.EncodeToString(token[:])
}

// mixed spreads a number over all 64 bits, different ones to different ones: the finalizer of
// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
