package audience

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"slices"
)

// Store is what an import needs of the directory.
type Store interface {
	// PutRecipients adds the recipients, and replaces those whose id is known, all or none. Ids are
	// in ascending order, each once. The slice is the store's until it returns.
	PutRecipients(ctx context.Context, recipients []Recipient) error
}

// BatchSize is how many recipients an import commits at once.
const BatchSize = 1000

// ImportOptions say what an import reports, besides its summary.
type ImportOptions struct {
	// Rejects receives what is wrong with lines that are not taken, as JSONL, one object a fault:
	// {"line": 7, "id": "c-1", "field": "locale", "reason": "…"}. nil discards it.
	Rejects io.Writer
	// Raw adds the whole line to each reject as "raw". It holds personal data, so the caller must ask.
	Raw bool
	// Progress, if set, is called every BatchSize lines and at the end, with the bytes and lines read.
	Progress func(bytesRead int64, lines int)
}

// Summary is what an import did. Lines = Imported + Rejected + Duplicates: lines that were read, but
// not committed because the import was stopped, are not in it.
type Summary struct {
	// Lines counts recipients' lines; header and blank lines are none.
	Lines int `json:"lines"`
	// Imported counts recipients that the directory now holds as the file has them.
	Imported int `json:"imported"`
	// Rejected counts lines that were not taken.
	Rejected int `json:"rejected"`
	// Duplicates counts good lines whose id had occurred in an earlier good line, which they replaced.
	Duplicates int `json:"duplicates"`
	// Through is the number of the line up to which every line has been committed or rejected.
	Through int `json:"through"`
	// Reasons counts faults by field and reason; a line may have several. Past MaxReasons different
	// ones, the rest is counted as "other".
	Reasons map[string]int `json:"reasons,omitempty"`
}

// MaxReasons bounds Summary.Reasons.
const MaxReasons = 100

// Import checks the recipients of a directory file and puts the good ones into the store, in batches
// of BatchSize, in the order of the file, so that of several lines with one id the last good one wins.
// Lines with a fault are reported and don't stop it. It can be repeated: recipients that are already
// there are replaced, and nobody is removed.
//
// An error (of the rows, the store or the rejects' writer, or the end of ctx) stops it; the summary
// then says what had been committed. Memory is bounded but for a fingerprint of each id, which is
// what finds duplicates: tens of megabytes for a million.
func Import(ctx context.Context, rows iter.Seq2[Line, error], checker *Checker, store Store, o ImportOptions) (Summary, error) {
	im := newImporter(checker, store, o)
	for line, err := range rows {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = im.take(ctx, line)
		}
		if err != nil {
			return im.sum, fmt.Errorf("importing recipients: %w", err)
		}
	}
	if err := im.commit(ctx); err != nil {
		return im.sum, fmt.Errorf("importing recipients: %w", err)
	}
	im.progress()
	return im.sum, nil
}

type importer struct {
	checker *Checker
	store   Store
	rejects rejects
	report  func(int64, int)

	seed maphash.Seed
	seen map[uint64]struct{} // fingerprints of the ids so far
	pending
	last Line // the last line taken
	read int  // lines taken
	sum  Summary
}

// pending is what waits for the next commit.
type pending struct {
	batch      []Recipient
	at         map[string]int // index in batch by id
	lines      int
	duplicates int
}

func newImporter(checker *Checker, store Store, o ImportOptions) *importer {
	return &importer{
		checker: checker,
		store:   store,
		rejects: newRejects(o.Rejects, o.Raw),
		report:  o.Progress,
		seed:    maphash.MakeSeed(),
		seen:    make(map[uint64]struct{}),
		pending: pending{batch: make([]Recipient, 0, BatchSize), at: make(map[string]int, BatchSize)},
		sum:     Summary{Reasons: make(map[string]int)},
	}
}

// take deals with one line.
func (im *importer) take(ctx context.Context, line Line) error {
	im.last = line
	im.read++
	if im.read%BatchSize == 0 {
		defer im.progress()
	}
	if faults := im.faults(&line); len(faults) > 0 {
		return im.reject(line, faults)
	}
	im.add(line.Recipient)
	if len(im.batch) < BatchSize {
		return nil
	}
	return im.commit(ctx)
}

func (im *importer) faults(line *Line) []Fault {
	if line.Fault != nil {
		return []Fault{*line.Fault}
	}
	return im.checker.Check(&line.Recipient)
}

func (im *importer) reject(line Line, faults []Fault) error {
	if err := im.rejects.write(line, faults); err != nil {
		return fmt.Errorf("writing rejects: %w", err)
	}
	im.sum.Lines++
	im.sum.Rejected++
	for _, f := range faults {
		im.sum.count(f.String())
	}
	return nil
}

func (s *Summary) count(reason string) {
	if _, known := s.Reasons[reason]; !known && len(s.Reasons) >= MaxReasons {
		reason = "other"
	}
	s.Reasons[reason]++
}

func (im *importer) add(r Recipient) {
	im.lines++
	fingerprint := maphash.String(im.seed, r.ID)
	if _, again := im.seen[fingerprint]; again {
		im.duplicates++
	}
	im.seen[fingerprint] = struct{}{}
	if i, again := im.at[r.ID]; again {
		im.batch[i] = r
		return
	}
	im.at[r.ID] = len(im.batch)
	im.batch = append(im.batch, r)
}

// commit stores the batch, in the order that suits the index of a store best.
func (im *importer) commit(ctx context.Context) error {
	slices.SortFunc(im.batch, func(a, b Recipient) int { return cmp.Compare(a.ID, b.ID) })
	if len(im.batch) > 0 {
		if err := im.store.PutRecipients(ctx, im.batch); err != nil {
			return fmt.Errorf("storing the lines up to %d: %w", im.last.Number, err)
		}
	}
	im.sum.Lines += im.lines
	im.sum.Duplicates += im.duplicates
	im.sum.Imported += im.lines - im.duplicates
	im.sum.Through = im.last.Number
	clear(im.batch)
	clear(im.at)
	im.pending = pending{batch: im.batch[:0], at: im.at}
	return nil
}

func (im *importer) progress() {
	if im.report != nil {
		im.report(im.last.Offset, im.read)
	}
}
