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

// providerMark stands in no provider's name.
const providerMark = "|"
