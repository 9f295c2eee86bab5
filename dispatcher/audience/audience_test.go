package audience_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

// newChecker is a checker as a bank in Moldova would configure it.
func newChecker(t testing.TB) *audience.Checker {
	t.Helper()
	c, err := audience.NewChecker(rules())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rules() audience.Rules {
	return audience.Rules{
		Locale: "ro",
		Zone:   "Europe/Chisinau",
		Channels: map[string]audience.AddressCheck{
			"sms":      audience.Phone("MD"),
			"whatsapp": audience.Phone("MD"),
			"email":    mailbox,
			"telegram": nil,
			"viber":    nil,
		},
	}
}

// mailbox stands in for the email kind's check. Its error repeats the address, as checks must not.
func mailbox(address string) (string, error) {
	if strings.Count(address, "@") != 1 {
		return "", errors.New("is not a mailbox: " + address)
	}
	return strings.ToLower(address), nil
}

// directory is a Store that keeps what it is given, and checks what stores may rely on.
type directory struct {
	t       testing.TB
	byID    map[string]audience.Recipient
	batches []int
	// before, if set, is called with the number of earlier batches; its error is the store's.
	before func(batches int) error
}

func newDirectory(t testing.TB) *directory {
	return &directory{t: t, byID: map[string]audience.Recipient{}}
}

func (d *directory) PutRecipients(_ context.Context, batch []audience.Recipient) error {
	if d.before != nil {
		if err := d.before(len(d.batches)); err != nil {
			return err
		}
	}
	if len(batch) == 0 || len(batch) > audience.BatchSize {
		d.t.Errorf("a batch of %d", len(batch))
	}
	for i, r := range batch {
		if i > 0 && batch[i-1].ID >= r.ID {
			d.t.Errorf("batch is not in ascending order: %q before %q", batch[i-1].ID, r.ID)
		}
		d.byID[r.ID] = r
	}
	d.batches = append(d.batches, len(batch))
	return nil
}

// rowsOf makes what Export reads.
func rowsOf(recipients iter.Seq[audience.Recipient]) iter.Seq2[audience.Recipient, error] {
	return func(yield func(audience.Recipient, error) bool) {
		for r := range recipients {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// file writes recipients to a directory file in memory.
func file(t testing.TB, f audience.Format, recipients iter.Seq[audience.Recipient]) string {
	t.Helper()
	var b strings.Builder
	if _, err := audience.Export(&b, f, []string{"viber", "sms", "email", "telegram"}, rowsOf(recipients)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// read reads a whole file. It returns what an error left of it, too.
func read(text string, f audience.Format) (lines []audience.Line, err error) {
	for line, err := range audience.Read(strings.NewReader(text), f) {
		if err != nil {
			return lines, err
		}
		line.Raw = slices.Clone(line.Raw)
		lines = append(lines, line)
	}
	return lines, nil
}
