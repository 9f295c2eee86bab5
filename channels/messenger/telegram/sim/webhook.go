package sim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// webhook is every field of setWebhook, but for a certificate of one's own.
type webhook struct {
	URL                string   `json:"url"`
	IPAddress          string   `json:"ip_address"`
	MaxConnections     int      `json:"max_connections"`
	AllowedUpdates     []string `json:"allowed_updates"`
	DropPendingUpdates bool     `json:"drop_pending_updates"`
	SecretToken        string   `json:"secret_token"`
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,256}$`)

// setWebhook takes a webhook without calling it, as the original does. An empty URL removes it.
func (s *server) setWebhook(w http.ResponseWriter, body []byte) {
	var hook webhook
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if dec.Decode(&hook) != nil || dec.More() {
		refuse(w, http.StatusBadRequest, "Bad Request: want a JSON object with fields of setWebhook only", nil)
		return
	}
	if problem := hook.check(); problem != "" {
		refuse(w, http.StatusBadRequest, "Bad Request: "+problem, nil)
		return
	}
	answer(w, true)
}

func (h *webhook) check() string {
	switch {
	case h.URL != "" && !mayCall(h.URL):
		return "bad webhook: HTTPS url must be provided for webhook"
	case !secretForm.MatchString(h.SecretToken):
		return "secret token contains unallowed characters"
	case h.MaxConnections < 0 || h.MaxConnections > 100:
		return "bad webhook: max_connections must be 1 to 100"
	}
	return ""
}

// mayCall reports whether a webhook would be called: over https on the ports that there are for it; and,
// other than in the original, over http on a host of one's own.
func mayCall(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return false
	}
	if u.Scheme == "http" {
		return ownHost(u.Hostname())
	}
	return u.Scheme == "https" && slices.Contains([]string{"", "443", "80", "88", "8443"}, u.Port())
}

func ownHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate()
	}
	return !strings.Contains(host, ".")
}
