package audience

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
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

// FakeTelegramChat makes up the id of a private Telegram chat, unique in i. Ids have at most 52
// significant bits (https://core.telegram.org/bots/api#chat); these are far above all that were given
// to anybody, which have ten digits.
func FakeTelegramChat(i int, seed uint64) string {
	return strconv.FormatUint(900_000_000_000_000+mixed(seed)%1_000*1_000_000_000+uint64(i), 10)
}

// FakeViberID makes up a Viber user id, unique in i: 24 characters of base64 that end in "=". Real
// ones are opaque and belong to one bot, so that one bot's are nobody's for another.
func FakeViberID(i int, seed uint64) string {
	var id [17]byte
	binary.BigEndian.PutUint64(id[:8], mixed(uint64(i)^seed))
	binary.BigEndian.PutUint64(id[8:16], mixed(uint64(i)+seed))
	return base64.StdEncoding.EncodeToString(id[:])
}

// mixed spreads a number over all 64 bits, different ones to different ones: the finalizer of
// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fakeName makes up a name that suits the locale.
func fakeName(locale string, rng *rand.Rand) string {
	given := []string{"Ana", "Andrei", "Cristina", "Doina", "Elena", "Ion", "Maria", "Mihai", "Natalia", "Nicolae",
		"Olga", "Petru", "Sergiu", "Ștefan", "Tatiana", "Vasile", "Victoria", "Viorica"}
	family := []string{"Botnaru", "Cebotari", "Ceban", "Ciobanu", "Cojocaru", "Croitoru", "Lungu", "Moraru",
		"Munteanu", "Popa", "Rotaru", "Rusu", "Sîrbu", "Ursu", "Țurcanu"}
	if locale == "ru" {
		given = []string{"Алексей", "Анна", "Виктор", "Елена", "Игорь", "Людмила", "Максим", "Мария", "Наталья",
			"Ольга", "Павел", "Сергей", "Татьяна", "Юрий"}
		family = []string{"Бондаренко", "Гончар", "Кравченко", "Лысенко", "Мельник", "Мороз", "Руденко",
			"Руссу", "Ткач", "Чебан", "Шевченко"}
	}
	return given[rng.IntN(len(given))] + " " + family[rng.IntN(len(family))]
}
