package channels

import "context"

// Listener is a Sender that hears what became of its messages in other ways than by a webhook: by
// mail that comes back, say.
type Listener interface {
	// Ways returns the ways in which it hears, none where none is configured. They don't change.
	Ways() []Way
}

// Way is one way of hearing.
type Way struct {
	// Name tells the way from the Sender's others: letters, digits and '-' ("maildir").
	Name string
	// Alone says that one process of an installation is to listen at a time, because all would hear
	// the same; else all of them do, as with webhooks.
	Alone bool
	// Listen hands over what it hears, until ctx ends: then it returns nil. An error says why it can't
	// go on; it may be called again after. What was not stored when it ended is heard again later.
	Listen func(ctx context.Context, hear Hear) error
}

// Hear stores what was heard: nil means that it is stored, and only then may the provider be told that
// it was taken, or its message be put away. After an error it is to be heard again. What isn't ours (a
// reference that this installation didn't make) is dropped and counted, and is no error. It is safe for
// concurrent use.
type Hear func(ctx context.Context, h Heard) error
