package bounce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// pollEvery is how often a mailbox is looked at: a bounce may wait a moment, its message took longer.
const pollEvery = 2 * time.Second

// maxMessage bounds how much of a message is read, in bytes: reports say what they have to say before they
// quote.
const maxMessage = 1 << 20

// maildir is a directory in which a mail system puts each message into a file of its own: into new when
// it is complete, from where whoever has seen it moves it to cur, with a flag (the format is
// described at cr.yp.to/proto/maildir.html).
type maildir struct {
	dir       string
	addresses Addresses
	every     time.Duration
}

// listen is a [channels.Way]'s.
func (m *maildir) listen(ctx context.Context, hear channels.Hear) error {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		if err := m.sweep(ctx, hear); err != nil {
			return stopped(ctx, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// stopped is err, unless it comes of the end of ctx.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// sweep reads what is new. A file that can't be read doesn't keep the others from being read.
func (m *maildir) sweep(ctx context.Context, hear channels.Hear) error {
	entries, err := os.ReadDir(filepath.Join(m.dir, "new"))
	if err != nil {
		return fmt.Errorf("reading the maildir: %w", err)
	}
	var unreadable error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := m.take(ctx, e.Name(), hear); errors.Is(err, errNotStored) {
			return err
		} else if err != nil && !errors.Is(err, os.ErrNotExist) { // somebody else has moved it
			unreadable = err
		}
	}
	return unreadable
}

var errNotStored = errors.New("what a message says was not stored")

// take reads one message, and puts it away when what it says is stored.
func (m *maildir) take(ctx context.Context, name string, hear channels.Hear) error {
	path := filepath.Join(m.dir, "new", name)
	message, err := readSome(path)
	if err != nil {
		return fmt.Errorf("reading a message: %w", err)
	}
	if err := hear(ctx, m.addresses.Read(stored(message)).Heard()); err != nil {
		return fmt.Errorf("%w: %w", errNotStored, err)
	}
	if err := os.Rename(path, filepath.Join(m.dir, "cur", name+":2,S")); err != nil {
		return fmt.Errorf("putting a message away: %w", err)
	}
	return nil
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxMessage))
}
