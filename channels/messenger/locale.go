package messenger

import "strings"

// ForLocale returns what is kept for a BCP 47 tag: its own, or that of the language without its last
// parts ("zh-Hant-TW", "zh-Hant", "zh").
func ForLocale[T any](by map[string]T, locale string) (found T, ok bool) {
	for {
		if found, ok = by[locale]; ok {
			return found, true
		}
		i := strings.LastIndexByte(locale, '-')
		if i < 0 {
			return found, false
		}
		locale = locale[:i]
	}
}
