package lint

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed words/*.yaml
var wordFiles embed.FS

// phrases is a list of entries in a file.
type phrases []phrase

// UnmarshalYAML reads entries.
func (ps *phrases) UnmarshalYAML(n *yaml.Node) error {
	var entries []string
	if err := n.Decode(&entries); err != nil {
		return err
	}
	*ps = newPhrases(entries)
	return nil
}

func newPhrases(entries []string) phrases {
	ps := make(phrases, len(entries))
	for i, e := range entries {
		ps[i] = newPhrase(e)
	}
	return ps
}

// language is what the rules know of one: the content of words/<tag>.yaml, where each list is explained.
type language struct {
	Acknowledges  phrases           `yaml:"acknowledges"`
	Apologises    phrases           `yaml:"apologises"`
	Hollow        phrases           `yaml:"hollow"`
	Everything    phrases           `yaml:"everything"`
	Blames        phrases           `yaml:"blames"`
	Vague         phrases           `yaml:"vague"`
	VagueBut      phrases           `yaml:"vague_but"`
	Promises      phrases           `yaml:"promises"`
	Spans         phrases           `yaml:"spans"`
	Hedges        phrases           `yaml:"hedges"`
	Certain       phrases           `yaml:"certain"`
	Absolute      phrases           `yaml:"absolute"`
	Belittles     phrases           `yaml:"belittles"`
	Flippant      phrases           `yaml:"flippant"`
	Secrets       phrases           `yaml:"secrets"`
	SecretsBut    phrases           `yaml:"secrets_but"`
	Follows       phrases           `yaml:"follows"`
	Measures      phrases           `yaml:"measures"`
	Jargon        map[string]string `yaml:"jargon"`
	Numbers       map[int]phrases   `yaml:"numbers"`
	SentenceWords int               `yaml:"sentence_words"`
	Lix           int               `yaml:"lix"`

	jargon []jargon
}

// jargon is a word that customers don't use, and one that they do, "" where it takes more than a word.
type jargon struct {
	phrase  phrase
	instead string
}

// links is what the rules know of links: words/links.yaml.
type links struct {
	Shorteners []string `yaml:"shorteners"`
	Endings    []string `yaml:"endings"`
}

// languages returns the languages by tag.
var languages = sync.OnceValue(func() map[string]*language {
	all := map[string]*language{}
	for _, tag := range []string{"en", "ro", "ru"} {
		l := &language{}
		readWords(tag, l)
		for _, entry := range slices.Sorted(maps.Keys(l.Jargon)) {
			l.jargon = append(l.jargon, jargon{newPhrase(entry), l.Jargon[entry]})
		}
		all[tag] = l
	}
	return all
})

var knownLinks = sync.OnceValue(func() *links {
	l := &links{}
	readWords("links", l)
	return l
})

// readWords reads one of our own files. That it can be read is what the tests are for.
func readWords(name string, into any) {
	raw, err := wordFiles.ReadFile("words/" + name + ".yaml")
	if err == nil {
		d := yaml.NewDecoder(bytes.NewReader(raw))
		d.KnownFields(true)
		err = d.Decode(into)
	}
	if err != nil {
		panic(fmt.Sprintf("lint: words/%s.yaml: %v", name, err))
	}
}

// base is the language of a locale: "ro" of "ro-MD".
func base(locale string) string {
	b, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-")
	return b
}
