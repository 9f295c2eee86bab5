package sim

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"hash/fnv"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// signedBy returns the account whose token a request has, if it is signed as RFC 5849 says and its time is
// near ours.
func signedBy(r *http.Request) (account string, ok bool) {
	fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok {
		return "", false
	}
	given := map[string]string{}
	for _, field := range strings.Split(fields, ",") {
		name, value, found := strings.Cut(strings.TrimSpace(field), "=")
		value, err := url.PathUnescape(strings.Trim(value, `"`))
		if !found || err != nil {
			return "", false
		}
		given[name] = value
	}
	at, err := strconv.ParseInt(given["oauth_timestamp"], 10, 64)
	skew := time.Since(time.Unix(at, 0)).Abs()
	account, known := strings.CutPrefix(given["oauth_token"], tokenPrefix)
	valid := err == nil && skew < 5*time.Minute && known && account != "" && given["oauth_consumer_key"] == ConsumerKey &&
		given["oauth_nonce"] != "" && given["oauth_signature_method"] == "HMAC-SHA1" && given["oauth_version"] == "1.0"
	return account, valid && hmac.Equal([]byte(signature(r, given)), []byte(given["oauth_signature"]))
}

// signature computes what a request's should be (section 3.4).
func signature(r *http.Request, oauth map[string]string) string {
	requested, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return ""
	}
	var params []string
	for name, value := range oauth {
		if name != "oauth_signature" {
			params = append(params, encode(name)+"="+encode(value))
		}
	}
	for name, values := range requested.Query() {
		for _, value := range values {
			params = append(params, encode(name)+"="+encode(value))
		}
	}
	sort.Strings(params)
	base := r.Method + "&" + encode("http://"+r.Host+requested.Path) + "&" + encode(strings.Join(params, "&"))
	mac := hmac.New(sha1.New, []byte(ConsumerSecret+"&"+TokenSecret))
	_, _ = mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// encode is the encoding of section 3.6: everything but letters, digits and "-._~".
func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// userID is an account's number.
func userID(account string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(account))
	return strconv.FormatUint(uint64(h.Sum32())+1, 10)
}
