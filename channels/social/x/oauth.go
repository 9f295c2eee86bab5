package x

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// keys sign requests for one account.
type keys struct {
	consumer, consumerSecret, token, tokenSecret channels.Secret
}

// sign returns the Authorization header of a request with a body that is no form (RFC 5849, section 3;
// HMAC-SHA1 is what X takes). The URL has no query; that is given apart.
func (k keys) sign(method, target string, query url.Values, nonce string, now time.Time) string {
	oauth := map[string]string{
		"oauth_consumer_key": k.consumer.Reveal(), "oauth_nonce": nonce, "oauth_signature_method": "HMAC-SHA1",
		"oauth_timestamp": strconv.FormatInt(now.Unix(), 10), "oauth_token": k.token.Reveal(), "oauth_version": "1.0",
	}
	oauth["oauth_signature"] = k.signature(method, target, query, oauth)
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(oauth)) {
		b.WriteString([]string{"OAuth ", ", "}[min(i, 1)])
		b.WriteString(name + `="` + escape(oauth[name]) + `"`)
	}
	return b.String()
}

func (k keys) signature(method, target string, query url.Values, oauth map[string]string) string {
	var pairs []string
	for name, value := range oauth {
		pairs = append(pairs, escape(name)+"="+escape(value))
	}
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	mac := hmac.New(sha1.New, []byte(escape(k.consumerSecret.Reveal())+"&"+escape(k.tokenSecret.Reveal())))
	mac.Write([]byte(method + "&" + escape(target) + "&" + escape(strings.Join(pairs, "&"))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escape is the percent-encoding of RFC 3986, section 2.1: a space is %20.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// newNonce is different for each request.
func newNonce() string { return rand.Text() }
