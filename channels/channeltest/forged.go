package channeltest

import (
	"bytes"
	"net/url"

	"github.com/tocsin-dev/tocsin/channels"
)

// forgeries changes a genuine callback in the ways in which it may not be changed.
func (h Harness) forgeries(genuine channels.Callback, m channels.Message) map[string]channels.Callback {
	forged := map[string]channels.Callback{}
	if h.URLKey != "" {
		forgeKey(forged, genuine, h.URLKey)
	} else {
		forgeSignature(forged, genuine)
	}
	if genuine.Ref != "" {
		forged["another attempt's URL"] = withRef(genuine, m.Ref[:len(m.Ref)-1]+"0")
	}
	return forged
}

// forgeSignature forges what is proved by a signature in a header over the body.
func forgeSignature(forged map[string]channels.Callback, genuine channels.Callback) {
	forged["a changed body"] = withBody(genuine, changed(genuine.Body))
	forged["a body with more"] = withBody(genuine, append(bytes.Clone(genuine.Body), "&More=1"...))
	forged["no body"] = withBody(genuine, nil)
	forged["no signature"] = withHeader(genuine, func(string) []string { return nil })
	forged["an empty signature"] = withHeader(genuine, func(string) []string { return []string{""} })
	forged["a changed signature"] = withHeader(genuine, func(v string) []string { return []string{string(changed([]byte(v)))} })
	forged["a shortened signature"] = withHeader(genuine, func(v string) []string { return []string{v[:len(v)/2]} })
}

// forgeKey forges what is proved by a key in the URL alone.
func forgeKey(forged map[string]channels.Callback, genuine channels.Callback, param string) {
	key := genuine.URL.Query().Get(param)
	forged["no key"] = withQuery(genuine, func(q url.Values) { q.Del(param) })
	forged["an empty key"] = withQuery(genuine, func(q url.Values) { q.Set(param, "") })
	forged["a changed key"] = withQuery(genuine, func(q url.Values) { q.Set(param, string(changed([]byte(key)))) })
	forged["a shortened key"] = withQuery(genuine, func(q url.Values) { q.Set(param, key[:len(key)/2]) })
}

func withQuery(c channels.Callback, change func(url.Values)) channels.Callback {
	u := *c.URL
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	c.URL = &u
	return c
}
