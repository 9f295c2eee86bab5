package twilio

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's choice; HMAC keeps it sound
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

var errSignature = errors.New("X-Twilio-Signature doesn't fit the URL and the body")

// Verify returns the form that Twilio posted. The signature covers the public URL, and with it the Ref,
// and the whole form. Its error is an *Error, of class Auth where the signature isn't Twilio's.
func (a *Account) Verify(c channels.Callback) (url.Values, error) {
	form, err := url.ParseQuery(string(c.Body))
	called, signature := c.URL.String(), c.Header.Get("X-Twilio-Signature")
	// The library also tries the URL with and without its port, as Twilio does; it is asked only
	// where the URL as it stands does not fit, since it costs several times as much.
	if !a.signed(called, form, signature) && !a.validator.ValidateBody(called, c.Body, signature) {
		return nil, &channels.Error{Class: channels.Auth, Code: "signature", Err: errSignature}
	}
	if err != nil {
		return nil, &channels.Error{Class: channels.Rejected, Code: "body", Err: errors.New("the body is no form")}
	}
	return form, nil
}

// signed reports whether a signature is that of the URL and the form: HMAC-SHA1 over the URL followed
// by the fields' names and values in order of the names ("Secure webhooks", validating signatures
// from Twilio). A URL with a bodySHA256 is signed without the form, and left to the library.
func (a *Account) signed(called string, form url.Values, signature string) bool {
	if strings.Contains(called, "bodySHA256") {
		return false
	}
	text := make([]byte, 0, 512)
	text = append(text, called...)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		text = append(append(text, name...), form.Get(name)...)
	}
	h := hmac.New(sha1.New, []byte(a.AuthToken.Reveal()))
	h.Write(text)
	var sum [sha1.Size]byte
	want := base64.StdEncoding.AppendEncode(text[:0], h.Sum(sum[:0]))
	return subtle.ConstantTimeCompare(want, []byte(signature)) == 1
}
