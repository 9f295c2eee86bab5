package statuspage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tocsin-dev/tocsin/channels"
)

// file is one file of the site.
type file struct {
	path string // with slashes, below the directory
	data []byte
	once bool // it is never changed
}

// tree is the directory in which the site is.
type tree struct {
	root  string
	pages []string
}

const (
	unfinished = ".part~"  // ends the name of a file that is being written
	setAside   = ".broken" // ends the name of data that could not be read
)

// load reads what each page remembers; what was recalled isn't among its incidents, whether or not it was
// removed from their data yet. Data that nobody can read are set aside, so that they don't
// keep what has to be said now from being said.
func (t tree) load(ctx context.Context) (map[string]memory, error) {
	all := map[string]memory{}
	for _, name := range t.pages {
		found, err := t.loadIncidents(ctx, name)
		if err != nil {
			return nil, err
		}
		gone, err := t.loadRecalled(name)
		if err != nil {
			return nil, err
		}
		for _, r := range gone {
			found = found.without(r.Incident, r.ID)
		}
		all[name] = memory{found, gone}
	}
	return all, nil
}

func (t tree) loadIncidents(ctx context.Context, name string) (incidents, error) {
	paths, err := ending(filepath.Join(t.root, name, "incidents"), ".json")
	if err != nil {
		return nil, err
	}
	var all incidents
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		i, readable, err := loadIncident(path)
		if err != nil {
			return nil, err
		}
		if !readable {
			if err := os.Rename(path, path+setAside); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, i)
	}
	return all, nil
}

// ending lists the files in a folder whose names end so; none where there is no folder.
func ending(folder, suffix string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), suffix) {
			paths = append(paths, filepath.Join(folder, e.Name()))
		}
	}
	return paths, nil
}

func loadIncident(path string) (i incident, readable bool, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return incident{}, false, err
	}
	i, readable = parseIncident(raw)
	return i, readable && filepath.Base(path) == i.topic+".json", nil
}

// parseIncident reads the data of one incident.
func parseIncident(raw []byte) (incident, bool) {
	var kept struct {
		ID      string   `json:"id"`
		Updates []update `json:"updates"`
	}
	if err := json.Unmarshal(raw, &kept); err != nil || !topicForm().MatchString(kept.ID) || len(kept.Updates) == 0 {
		return incident{}, false
	}
	i := incident{topic: kept.ID}
	for _, u := range kept.Updates {
		if !idForm().MatchString(u.ID) || u.At.IsZero() {
			return incident{}, false
		}
		i.updates = incidents{i}.with(kept.ID, u)[0].updates
	}
	return i, true
}

// broken says how many files were set aside.
func (t tree) broken() error {
	n := 0
	for _, name := range t.pages {
		aside, err := ending(filepath.Join(t.root, name, "incidents"), setAside)
		if err != nil {
			return err
		}
		n += len(aside)
		if _, err := os.Stat(filepath.Join(t.root, name, recalledName+setAside)); err == nil {
			return fmt.Errorf("what was recalled could not be read, and may come back: mend or remove the file %s%s of page %s", recalledName, setAside, name)
		}
	}
	if n > 0 {
		return fmt.Errorf("%d incidents could not be read and are not on the page: mend or remove the files named *%s", n, setAside)
	}
	return nil
}

// tidy makes the directory, and removes what was being written when a process was killed.
func (t tree) tidy() error {
	if err := os.Mkdir(t.root, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for _, folder := range t.all() {
		left, err := ending(folder, unfinished)
		if err != nil {
			return err
		}
		for _, path := range left {
			if !strings.HasPrefix(filepath.Base(path), ".") {
				continue // not ours
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// put writes the files that differ from what is there, in their order, and makes all of them
// durable before it returns.
func (t tree) put(ctx context.Context, files []file) error {
	if err := t.folders(); err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(t.root, filepath.FromSlash(f.path))
		folders[filepath.Dir(path)] = true // also of what is there: who renamed it may have been killed before this
		was, err := os.ReadFile(path)
		if err == nil && (f.once || bytes.Equal(was, f.data)) {
			continue
		}
		if err := replace(path, f.data); err != nil {
			return err
		}
	}
	return syncFolders(folders)
}

// remove removes those of the files that are there, and makes it durable before it returns.
func (t tree) remove(ctx context.Context, paths []string) error {
	folders := map[string]bool{}
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(t.root, filepath.FromSlash(p))
		folders[filepath.Dir(path)] = true
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncFolders(folders)
}

// all are the folders of the site, each after the one it is in.
func (t tree) all() []string {
	all := []string{t.root}
	for _, name := range t.pages {
		p := filepath.Join(t.root, name)
		all = append(all, p, filepath.Join(p, "incidents"), filepath.Join(p, "cap"))
	}
	return all
}

// folders makes the folders that aren't there.
func (t tree) folders() error {
	for _, folder := range t.all() {
		switch err := os.Mkdir(folder, 0o755); {
		case err == nil:
			if err := syncFolder(filepath.Dir(folder)); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrExist):
			return err
		}
	}
	return nil
}

// replace puts data at path in one step, for all to read.
func replace(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*"+unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func syncFolders(paths map[string]bool) error {
	for path := range paths {
		if err := syncFolder(path); err != nil {
			return err
		}
	}
	return nil
}

// syncFolder makes renames in a folder last beyond a loss of power.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// refusal classifies what went wrong with the files. See Send for why none of it is Unknown.
func refusal(err error) *channels.Error {
	e := &channels.Error{Class: channels.Unavailable, Code: "files", Err: withoutPath(err)}
	switch {
	case errors.Is(err, errRecalled):
		e.Class, e.Code = channels.Rejected, "recalled"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Code = "cancelled"
	case errors.Is(err, fs.ErrPermission):
		e.Class, e.Code = channels.Auth, "permission"
	case errors.Is(err, fs.ErrNotExist):
		e.Code = "no_directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Code = "full"
	}
	return e
}

// withoutPath drops a file's name from an error: the message's address is a part of it.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}
