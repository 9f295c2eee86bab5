package playbook

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	_ "embed"
)

//go:embed scaffold.yaml.tmpl
var scaffoldYAML string

//go:embed scaffold.sms.tmpl
var scaffoldSMS string

// scaffold is what a new playbook's files say of its surroundings.
type scaffold struct {
	Name, Locale string
	Base         *Playbook
	// Services, Regions and Channels are those configured, as lists.
	Services, Regions, Channels string
}

// Write makes the folder of a new playbook that builds on another, in a folder that is made if it isn't
// there; it returns the files' names. A folder that is there already is left alone, with an error.
func Write(dir, name string, base *Playbook, o Options) ([]string, error) {
	if !namePattern.MatchString(name) {
		return nil, fmt.Errorf("%q can't be the name of a playbook: it is 1 to 64 of the characters a-z, 0-9, '-' and '_'", name)
	}
	place := filepath.Join(dir, name)
	if _, err := os.Lstat(place); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%s is there already: choose another name, or change what it holds", place), err)
	}
	files, err := o.scaffold(name, base)
	if err != nil {
		return nil, err
	}
	var written []string
	for _, file := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(place, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return written, err
		}
		if err := os.WriteFile(path, files[file], 0o644); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

// scaffold makes a new playbook's files, by name.
func (o *Options) scaffold(name string, base *Playbook) (map[string][]byte, error) {
	s := scaffold{
		Name: name, Base: base, Services: listOf(slices.Sorted(maps.Keys(o.Catalogue.Services))), Regions: listOf(slices.Sorted(maps.Keys(o.Catalogue.Regions))),
	}
	var channels []string
	for _, c := range o.Channels {
		channels = append(channels, c.Name)
	}
	s.Channels = listOf(append(channels, o.Words...))
	files := map[string][]byte{}
	yaml, err := fill(scaffoldYAML, s)
	if err != nil {
		return nil, err
	}
	files[playbookFile] = yaml
	for _, s.Locale = range languages() {
		if files[s.Locale+"/sms.tmpl"], err = fill(scaffoldSMS, s); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func fill(text string, s scaffold) ([]byte, error) {
	t, err := template.New("new playbook").Delims("<<", ">>").Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, s)
	return b.Bytes(), err
}

func listOf(names []string) string {
	if len(names) == 0 {
		return "none is configured"
	}
	return strings.Join(names, ", ")
}
