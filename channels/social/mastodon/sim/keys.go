package sim

import "sync"

// maxKeys bounds how many Idempotency-Keys are remembered. (An instance forgets them after an hour.)
const maxKeys = 1 << 16

// keys remembers the posts that were made under an Idempotency-Key.
type keys struct {
	mu    sync.Mutex
	posts map[string]*keyed
	order []string // oldest first
}

type keyed struct {
	mu   sync.Mutex
	done bool
	post status
}

func newKeys() *keys { return &keys{posts: map[string]*keyed{}} }

// once makes the post for a key, unless it has been made, and answers with it. A post that was
// refused may be tried again.
func (k *keys) once(key string, publish func() (status, bool), answer func(status)) {
	p := k.get(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		if p.post, p.done = publish(); !p.done {
			return
		}
	}
	answer(p.post)
}

func (k *keys) get(key string) *keyed {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.posts[key]
	if p == nil {
		p = &keyed{}
		k.posts[key] = p
		k.order = append(k.order, key)
	}
	if len(k.order) > maxKeys {
		delete(k.posts, k.order[0])
		k.order = k.order[1:]
	}
	return p
}
