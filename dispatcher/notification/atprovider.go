package notification

import "strings"

// AtProvider names a message by the provider of a channel that has several, and the provider's own id
// for it, which may be "": two accounts may use the same ids, and whoever asks about a message must
// know whom to ask. Where a channel has one provider, messages go by the provider's id alone.
func AtProvider(provider, id string) string { return provider + providerMark + id }

// SplitProvider undoes AtProvider; provider is "" for an id that names none.
func SplitProvider(s string) (provider, id string) {
	if provider, id, ok := strings.Cut(s, providerMark); ok {
		return provider, id
	}
	return "", s
}

// NamesMessage reports whether a provider's id for a message is one: where a channel has several
// providers, it may only say which of them was given the message.
func NamesMessage(s string) bool {
	_, id := SplitProvider(s)
	return id != ""
}

// providerMark stands in no provider's name.
const providerMark = "|"
