package playbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds of what is read: a folder of playbooks holds a few hundred small files.
const (
	maxFile  = 1 << 20
	maxFiles = 5000
)

// playbookFile is the name of the file that says everything but the texts.
const playbookFile = "playbook.yaml"

// source is a folder's files as they were at one moment, by path. It is a file system that holds nothing
// else, so that what is hashed, checked and rendered is the same.
type source struct{ files map[string][]byte }

// readSource reads a folder. Hidden files and folders, and what is for people to read (*.md), are left out.
func readSource(fsys fs.FS) (*source, error) {
	s := &source{files: map[string][]byte{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			return skipped(d)
		case d.IsDir() || strings.HasSuffix(name, ".md") || strings.HasSuffix(name, "~"):
			return nil
		case len(s.files) == maxFiles:
			return fmt.Errorf("has more than %d files: is it a folder of playbooks?", maxFiles)
		}
		return s.read(fsys, name)
	})
	return s, err
}

func skipped(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func (s *source) read(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if len(raw) > maxFile {
		return fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	s.files[name] = raw
	return nil
}

// hash is the SHA-256 of the files' names and contents, on top of another hash; in hex.
func (s *source) hash(on string) string {
	h := sha256.New()
	part := func(b []byte) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(b))) // a hash takes everything
		_, _ = h.Write(b)
	}
	part([]byte(on))
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		part([]byte(name))
		part(s.files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// folders cuts the source into its folders; what stands beside them is no playbook's.
func (s *source) folders() map[string]*source {
	all := map[string]*source{}
	for name, raw := range s.files {
		folder, rest, ok := strings.Cut(name, "/")
		if !ok {
			continue
		}
		if all[folder] == nil {
			all[folder] = &source{files: map[string][]byte{}}
		}
		all[folder].files[rest] = raw
	}
	return all
}

// Open implements fs.FS.
func (s *source) Open(name string) (fs.File, error) {
	if raw, ok := s.files[name]; ok {
		return &openFile{info: entry{name: path.Base(name), size: int64(len(raw))}, Reader: bytes.NewReader(raw)}, nil
	}
	if entries := s.entries(name); len(entries) > 0 || name == "." {
		return &openFile{info: entry{name: path.Base(name), dir: true}, Reader: bytes.NewReader(nil), entries: entries}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// entries lists what a folder holds, by name.
func (s *source) entries(folder string) []fs.DirEntry {
	found := map[string]entry{}
	for name, raw := range s.files {
		rest := name
		if folder != "." {
			var ok bool
			if rest, ok = strings.CutPrefix(name, folder+"/"); !ok {
				continue
			}
		}
		first, _, deeper := strings.Cut(rest, "/")
		e := entry{name: first, dir: deeper}
		if !deeper {
			e.size = int64(len(raw))
		}
		found[first] = e
	}
	var all []fs.DirEntry
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all = append(all, fs.FileInfoToDirEntry(found[name]))
	}
	return all
}

// openFile is a file or folder that is being read.
type openFile struct {
	*bytes.Reader
	info    entry
	entries []fs.DirEntry
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// ReadDir implements fs.ReadDirFile.
func (f *openFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(f.entries)
	} else if len(f.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.entries))
	head := f.entries[:n]
	f.entries = f.entries[n:]
	return head, nil
}

// entry is what is known of a file or folder.
type entry struct {
	name string
	dir  bool
	size int64
}

func (e entry) Name() string       { return e.name }
func (e entry) Size() int64        { return e.size }
func (e entry) ModTime() time.Time { return time.Time{} }
func (e entry) IsDir() bool        { return e.dir }
func (e entry) Sys() any           { return nil }

// Mode implements fs.FileInfo.
func (e entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
