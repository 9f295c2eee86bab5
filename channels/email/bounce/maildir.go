package bounce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// pollEvery is how often a mailbox is looked at: a bounce may wait a moment, its message took longer.
const pollEvery = 2 * time.Second

// maxMessage bounds how much of a message is read, in bytes: reports say what they have to say before they
// quote.
const maxMessage = 1 << 20

// together is how many messages of a mailbox are stored at once: storing costs the same for one.
const together = 50

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
	for some := range slices.Chunk(entries, together) {
		names, heard, err := m.read(some)
		unreadable = errors.Join(unreadable, err)
		if len(names) == 0 {
			continue
		}
		if err := hear(ctx, heard); err != nil {
			return fmt.Errorf("what messages say was not stored: %w", err)
		}
		if err := m.putAway(names); err != nil {
			return err
		}
	}
	return unreadable
}

// read reads some messages, and returns the names of those that could be read and what they say.
func (m *maildir) read(entries []fs.DirEntry) (names []string, heard channels.Heard, err error) {
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		message, failed := readSome(filepath.Join(m.dir, "new", e.Name()))
		switch {
		case errors.Is(failed, fs.ErrNotExist): // somebody else has moved it
		case failed != nil:
			err = fmt.Errorf("reading a message: %w", failed)
		default:
			names = append(names, e.Name())
			heard = add(heard, m.addresses.Read(stored(message)))
		}
	}
	return names, heard, err
}

func (m *maildir) putAway(names []string) error {
	for _, name := range names {
		err := os.Rename(filepath.Join(m.dir, "new", name), filepath.Join(m.dir, "cur", name+":2,S"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("putting a message away: %w", err)
		}
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
