// Package audience is the directory of customers and the question who of them an update is for.
//
// A [Recipient] is one customer as Tocsin needs to know them: how to reach them, in which language,
// what they use and where, what they prefer and what they consented to. Recipients are imported
// beforehand ([Read], [Checker], [Import]) so that sending depends on no other system, and can be
// written out again ([Export]). [Selector] decides who is affected by an update. [Generate] makes up
// customers for demonstrations and benchmarks.
package audience

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Recipient is one customer in the directory.
type Recipient struct {
	// ID is the organisation's own id of the customer, unique in the directory.
	ID string `json:"id"`
	// Name is how texts may address the customer; optional.
	Name string `json:"name,omitempty"`
	// Locale is a BCP 47 tag.
	Locale string `json:"locale"`
	// Zone is an IANA time zone.
	Zone string `json:"zone,omitempty"`
	// Addresses by channel: {"sms": "+37369123456", "email": "a@example.com"}. A channel occurs once.
	Addresses Addresses `json:"addresses"`
	// Preferences are channels in the customer's order.
	Preferences []string `json:"preferences,omitempty"`
	// Consents are the channels on which the customer agreed to be told, and has not said otherwise since.
	Consents []string `json:"consents,omitempty"`
	Services []string `json:"services,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Segments []string `json:"segments,omitempty"`
	// Values are what texts may say of the customer, by name ([IsValueName]): the nearest branch or cash
	// machine. At most MaxValues, of up to MaxValue bytes.
	Values map[string]string `json:"values,omitempty"`
	// Dead are those of the addresses that a provider has refused as invalid: nothing is sent to them
	// until an import brings others. The directory says so; what an import says of it is ignored, and
	// an export leaves it out.
	Dead Addresses `json:"dead,omitempty"`
	// Withdrawn are the channels that the customer has left, by channel. The directory says so; what an
	// import says of it is ignored, as is any consent that it brings for them.
	Withdrawn []Withdrawal `json:"withdrawn,omitempty"`
}

// Account reports whether it is a public account rather than a customer.
func (r *Recipient) Account() bool { return strings.HasPrefix(r.ID, AccountPrefix) }

// AccountPrefix begins the ids under which public accounts (a status page, a social account) appear
// among recipients. No customer's id may begin with it.
const AccountPrefix = "account:"

// Address is where a recipient is reached on one channel.
type Address struct {
	Channel string
	Address string
}

// Addresses are a recipient's addresses, sorted by channel once they are checked. Their JSON form is
// an object from channel to address.
type Addresses []Address

var errAddresses = errors.New("addresses are not an object from channel to address")

// MarshalJSON writes the addresses as an object, {} if there are none.
func (a Addresses) MarshalJSON() ([]byte, error) {
	byChannel := make(map[string]string, len(a))
	for _, one := range a {
		byChannel[one.Channel] = one.Address
	}
	return json.Marshal(byChannel)
}

// UnmarshalJSON reads the object form, sorted by channel. Of a channel that is named twice the last
// address counts, as everywhere in encoding/json.
func (a *Addresses) UnmarshalJSON(b []byte) error {
	var byChannel map[string]string
	if err := json.Unmarshal(b, &byChannel); err != nil {
		return errAddresses
	}
	*a = nil
	for channel, address := range byChannel {
		*a = append(*a, Address{channel, address})
	}
	a.sort()
	return nil
}

func (a Addresses) sort() {
	slices.SortFunc(a, func(x, y Address) int { return strings.Compare(x.Channel, y.Channel) })
}

// Address returns the recipient's address on a channel, "" if there is none.
func (r *Recipient) Address(channel string) string { return r.Addresses.on(channel) }

// DeadOn reports whether a provider has refused the recipient's address on a channel as invalid.
func (r *Recipient) DeadOn(channel string) bool {
	dead := r.Dead.on(channel)
	return dead != "" && dead == r.Address(channel)
}

func (a Addresses) on(channel string) string {
	for _, one := range a {
		if one.Channel == channel {
			return one.Address
		}
	}
	return ""
}
