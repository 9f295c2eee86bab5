package lint

import (
	"slices"
	"strings"
)

// looksLike says whether a host that is none of the domains, nor below one, could be taken for it: written
// with other letters of the same looks, a letter off, or with the domain's name as a part of it.
func looksLike(host string, domains []string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool {
		name := nameOf(strings.ToLower(domain))
		if len([]rune(name)) < minName {
			return false
		}
		bones := skeleton(name)
		for label := range strings.SplitSeq(host, ".") {
			l := skeleton(label)
			if l == bones || strings.Contains(l, bones) || len(bones) >= minMisspelt && distance(l, bones) <= 1+len(bones)/10 {
				return true
			}
		}
		return strings.Contains(skeleton(strings.ReplaceAll(host, ".", "")), bones)
	})
}

// Names shorter than minName are parts of too many words, shorter than minMisspelt a letter off too many.
const (
	minName     = 4
	minMisspelt = 6
)

// nameOf is what a domain is known by: "bank" of "status.bank.example", "bank" of "bank.co.uk".
func nameOf(domain string) string {
	labels := strings.Split(domain, ".")
	for i := len(labels) - 2; i >= 0; i-- {
		if len(labels[i]) > 3 || i == 0 { // "co" of "co.uk", "com" of "com.md"
			return labels[i]
		}
	}
	return labels[0]
}

// skeleton writes a label by the looks of its letters, after Unicode Technical Standard 39, section 4
// (confusables), for the letters that our customers' alphabets share. Hyphens are left out.
func skeleton(label string) string {
	return twins.Replace(strings.ToLower(fold(label)))
}

// twins are letters, digits and pairs that look like Latin letters.
var twins = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d", "-", "", "_", "",
	"а", "a", "в", "b", "с", "c", "е", "e", "н", "h", "к", "k", "м", "m", "о", "o", "р", "p", "т", "t", "у", "y", "х", "x",
	"і", "i", "ї", "i", "ј", "j", "ѕ", "s", "ԁ", "d", "ɡ", "g", "ո", "n", "ο", "o", "α", "a", "ρ", "p", "ν", "v", "ι", "i", "ı", "i",
	"0", "o", "1", "i", "l", "i", "3", "e", "5", "s", "8", "b",
	"á", "a", "à", "a", "ä", "a", "é", "e", "è", "e", "ö", "o", "ó", "o", "ü", "u", "ú", "u", "í", "i",
)

// distance is how many letters must be added, dropped, replaced or swapped with the next one to make b of
// a (Damerau and Levenshtein's, restricted).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > len(t)+2 || len(t) > len(s)+2 {
		return len(s) + len(t) // further than we ask for
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
