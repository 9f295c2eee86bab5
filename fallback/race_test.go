//go:build race

package fallback

// underRace: everything takes many times as long, and the properties are played less often.
const underRace = true
