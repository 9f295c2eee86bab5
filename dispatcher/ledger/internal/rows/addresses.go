package rows

import (
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// AddressesSent finds the address that each attempt went to: that which its recipient has on its channel, if
// the batch is younger than the last change of their addresses. sequence is a batch's number as that change
// has it; read calls each for those of the recipients that there are.
func AddressesSent(to []ledger.SentTo, sequence func(batch int64) int64, read func(numbers []int64, each func(number, readdressed int64, addresses string)) error) ([]string, error) {
	type entry struct {
		readdressed int64
		addresses   audience.Addresses
	}
	known := map[int64]entry{}
	numbers := make([]int64, len(to))
	for i := range to {
		numbers[i] = to[i].Recipient
	}
	slices.Sort(numbers)
	err := read(slices.Compact(numbers), func(number, readdressed int64, addresses string) {
		known[number] = entry{readdressed, SplitAddresses(addresses)}
	})
	all := make([]string, len(to))
	for i, a := range to {
		if e, ok := known[a.Recipient]; ok && sequence(a.Batch) > e.readdressed {
			all[i] = (&audience.Recipient{Addresses: e.addresses}).Address(a.Channel)
		}
	}
	return all, err
}
