package statuspage

import (
	"fmt"
	"testing"
)

// BenchmarkSend publishes one message where years of incidents are remembered, in one language of three.
func BenchmarkSend(b *testing.B) {
	for _, known := range []int{0, 100, 1000} {
		b.Run(fmt.Sprint(known), func(b *testing.B) {
			s, _ := site3(b)
			all := map[string]memory{"ro": {}, "ru": {}, "en": {}}
			for page := range all {
				for n := range known {
					i := remembered(story(page)[:2]...)[0]
					i.topic = fmt.Sprintf("%032d", n)
					for u := range i.updates {
						i.updates[u].ID = i.updates[u].makeID(i.topic)
					}
					all[page] = memory{incidents: append(all[page].incidents, i)}
				}
			}
			files, err := s.site.files(all, s.now(), "")
			if err != nil {
				b.Fatal(err)
			}
			if err := s.tree.tidy(); err != nil {
				b.Fatal(err)
			}
			if err := s.tree.put(b.Context(), files); err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				m := story("en")[3]
				m.Subject = fmt.Sprint("Message ", n)
				n++
				mustSend(b, s, m)
			}
		})
	}
}
