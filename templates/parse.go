package templates

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/text/language"

	"github.com/tocsin-dev/tocsin/channels"
)

// layers are the files that texts are read from: those built in, and what replaces them, later ones
// over earlier ones.
type layers struct {
	root fs.FS
	over []fs.FS
}

// parse reads the texts of one locale. A file of a layer has only what differs; one of a locale such
// as ro-MD only what differs from its language.
func (l layers) parse(locale string) (map[channels.Kind]*template.Template, error) {
	phrases := template.New(locale).Option("missingkey=error").Funcs(functions(languages()[languageOf(locale)]))
	if err := l.parseFile(phrases, locale, "phrases.tmpl"); err != nil {
		return nil, err
	}
	kinds := map[channels.Kind]*template.Template{}
	for _, kind := range written() {
		set, err := phrases.Clone()
		if err != nil {
			return nil, err
		}
		if err := l.parseFile(set, locale, string(kind)+".tmpl"); err != nil {
			return nil, err
		}
		kinds[kind] = set.Funcs(template.FuncMap{"say": say(set)})
	}
	return kinds, nil
}

// parseFile adds a file's templates to a set, and then those that replace them.
func (l layers) parseFile(set *template.Template, locale, name string) error {
	language := languageOf(locale)
	if err := parseInto(set, l.root, language+"/"+name); err != nil {
		return err
	}
	for _, tag := range slices.Compact([]string{language, locale}) {
		for _, files := range l.over {
			if err := parseInto(set, files, tag+"/"+name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func parseInto(set *template.Template, files fs.FS, name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	_, err = set.New(name).Parse(string(text))
	return err
}

// locales are those built in, and those of the same languages that the layers add, sorted. Files
// among the layers that replace nothing are refused: a misspelt name would otherwise go unnoticed
// until the built-in text is sent.
func (l layers) locales() ([]string, error) {
	all := map[string]bool{}
	for tag := range languages() {
		all[tag] = true
	}
	var errs []error
	for _, files := range l.over {
		errs = append(errs, fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || !ofText(path, d) {
				return cmp.Or(err, skip(path, d))
			}
			locale, name, _ := strings.Cut(path, "/")
			if languages()[languageOf(locale)] == nil || !slices.Contains(fileNames(), name) {
				return fmt.Errorf("%s replaces no text; the files are <locale>/<kind>.tmpl and <locale>/phrases.tmpl, for the languages %v and %v",
					path, slices.Sorted(maps.Keys(languages())), written())
			}
			all[locale] = true
			return nil
		}))
	}
	return slices.Sorted(maps.Keys(all)), errors.Join(errs...)
}

// ofText tells texts, and what may be meant for one, from what else stands in a folder of texts.
func ofText(path string, d fs.DirEntry) bool {
	return !d.IsDir() && !strings.HasPrefix(d.Name(), ".") && (strings.Contains(path, "/") || strings.HasSuffix(path, ".tmpl"))
}

// skip leaves out hidden folders, such as that of git.
func skip(path string, d fs.DirEntry) error {
	if d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
		return fs.SkipDir
	}
	return nil
}

func fileNames() []string {
	names := []string{"phrases.tmpl"}
	for _, k := range written() {
		names = append(names, string(k)+".tmpl")
	}
	return names
}

// languageOf returns the language of a locale in its canonical spelling, such as "ro" of "ro-MD"; ""
// for one in any other spelling, since it would never be looked up.
func languageOf(locale string) string {
	tag, err := language.Parse(locale)
	if err != nil || tag.String() != locale {
		return ""
	}
	base, _ := tag.Base()
	return base.String()
}
