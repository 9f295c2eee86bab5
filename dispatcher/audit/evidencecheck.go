package audit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// ErrNotEvidence is returned for what is no evidence, or was changed since it was sealed.
var ErrNotEvidence = errors.New("not evidence as it was sealed")

// CheckEvidence reads evidence and returns its header and seal if it is as Export wrote it: every line is
// under the seal, every update and text has the hash that the trail gave it, and the trail's entries have
// the hashes under which they are chained. Whether the seal's head is one that the ledger had at the
// time, only somebody who noted it then can say.
func CheckEvidence(r io.Reader) (Header, Seal, error) {
	c := checker{sum: sha256.New()}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := c.line(line); err != nil {
				return c.header, c.seal, fmt.Errorf("%w: line %d: %w", ErrNotEvidence, c.lines+1, err)
			}
		}
		switch {
		case err == io.EOF && c.seal.Type == "":
			return c.header, c.seal, fmt.Errorf("%w: it ends without a seal", ErrNotEvidence)
		case err == io.EOF:
			return c.header, c.seal, nil
		case err != nil:
			return c.header, c.seal, err
		}
	}
}

// checker is evidence being read.
type checker struct {
	header Header
	seal   Seal
	lines  int64 // before the seal
	sum    hash.Hash
}

// line checks one line, with its line feed.
func (c *checker) line(line []byte) error {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return err
	}
	switch {
	case c.seal.Type != "":
		return errors.New("it follows the seal")
	case kind.Type == "seal":
		return c.sealed(line)
	case kind.Type == "header" != (c.lines == 0):
		return errors.New("the header is the first line, and no other")
	case kind.Type == "header":
		if err := json.Unmarshal(line, &c.header); err != nil {
			return err
		}
		if c.header.Format != evidenceFormat {
			return fmt.Errorf("it has the format %q, this program reads %q", c.header.Format, evidenceFormat)
		}
	case kind.Type == "update":
		if err := update(line); err != nil {
			return err
		}
	}
	c.sum.Write(line)
	c.lines++
	return nil
}

func (c *checker) sealed(line []byte) error {
	var s Seal
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	if is := hex.EncodeToString(c.sum.Sum(nil)); s.SHA256 != is || s.Lines != c.lines {
		return fmt.Errorf("the seal is of %d lines with hash %s, before it are %d with %s", s.Lines, s.SHA256, c.lines, is)
	}
	c.seal = s
	return nil
}

// update checks that an update says what the trail says that it said.
func update(line []byte) error {
	var u UpdateSaid
	if err := json.Unmarshal(line, &u); err != nil {
		return err
	}
	var texts []ledger.TextDigest
	for _, x := range u.Texts {
		if is := ledger.Digest([]byte(x.Content)); is != x.Hash {
			return fmt.Errorf("the text for %s in %s has hash %s, not %s", x.Kind, x.Locale, is, x.Hash)
		}
		texts = append(texts, ledger.TextDigest{Kind: x.Kind, Locale: x.Locale, Hash: x.Hash})
	}
	ledger.SortDigests(texts)
	var words []ledger.ApprovalSaid
	for _, l := range u.Trail {
		e, err := link(&u, &l, texts)
		if err != nil {
			return fmt.Errorf("entry %d of the trail: %w", l.Seq, err)
		}
		if w, ok := ledger.SaidInTrail(&e); ok {
			words = append(words, w)
		}
	}
	if !slices.EqualFunc(u.Approvals, words, func(a, b ledger.ApprovalSaid) bool {
		return wordAt([]ledger.ApprovalSaid{a}, 0) == wordAt([]ledger.ApprovalSaid{b}, 0)
	}) {
		return errors.New("its approvals are not those that the trail tells of")
	}
	return nil
}

// link checks one entry of the trail about an update, and returns what it says.
func link(u *UpdateSaid, l *LinkSaid, texts []ledger.TextDigest) (e ledger.TrailEntry, err error) {
	if err := json.Unmarshal([]byte(l.Body), &e); err != nil {
		return e, err
	}
	follows := ledger.TrailVerifier{Head: ledger.TrailHead{Seq: e.Seq - 1, Hash: l.Prev}}
	if _, err := follows.Check(&ledger.TrailLink{Seq: l.Seq, At: e.At, Kind: e.Kind, Update: e.Update, Body: []byte(l.Body), Prev: l.Prev, Hash: l.Hash}); err != nil {
		return e, err
	}
	if e.Kind == ledger.TrailRecorded && (e.Digest != ledger.Digest([]byte(u.Update)) || !slices.Equal(e.Texts, texts)) {
		return e, errors.New("the update or its texts are not those that were recorded")
	}
	if e.Kind == ledger.TrailRecorded && e.Terms != "" && e.Terms != ledger.Digest([]byte(u.Terms)) {
		return e, errors.New("its terms are not those that were recorded")
	}
	if e.Kind == ledger.TrailDropped && e.Digest != ledger.Digest([]byte(u.Dropped)) {
		return e, errors.New("the counts of dropped rows are not those that were kept")
	}
	return e, nil
}
