// Package audience is the directory of customers and the question who of them an update is for.
//
// A [Recipient] is one customer as Tocsin needs to know them: how to reach them, in which language,
// what they use and where, what they prefer and what they consented to. Recipients are imported
// beforehand ([Importer]) so that sending depends on no other system. [Selector] decides who is
// affected by an update.
package audience

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
	Addresses []Address `json:"addresses"`
	// Preferences are channels in the customer's order.
	Preferences []string `json:"preferences,omitempty"`
	// Consents are the channels on which the customer agreed to be told.
	Consents []string `json:"consents,omitempty"`
	Services []string `json:"services,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Segments []string `json:"segments,omitempty"`
}

// Address is where a recipient is reached on one channel.
type Address struct {
	Channel string `json:"channel"`
	Address string `json:"address"`
}

// Address returns the recipient's address on a channel, "" if there is none.
func (r *Recipient) Address(channel string) string {
	for _, a := range r.Addresses {
		if a.Channel == channel {
			return a.Address
		}
	}
	return ""
}
