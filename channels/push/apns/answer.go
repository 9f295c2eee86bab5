package apns

import (
	"encoding/json"
	"net/http"
	"regexp"

	"github.com/tocsin-dev/tocsin/channels"
)

// readAck reads APNs' answer. The apns-id comes back, or one that APNs made.
func readAck(a channels.Answer) (channels.Ack, error) {
	if a.Status == http.StatusOK {
		return channels.Ack{ID: a.Header.Get("Apns-Id"), Proof: channels.Accepted}, nil
	}
	return channels.Ack{}, refusal(a)
}

// Reasons that are looked for by name.
const (
	badDeviceToken       = "BadDeviceToken"
	expiredProviderToken = "ExpiredProviderToken"
)

// reasons are the error codes of
// https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns.
//
// What is wrong with the key, the team or the topic is Auth. Two reasons are those of a token as well as of
// a mistake in our configuration (tokens of apps in development at the production service, or the other
// way round; another app's topic), so they are Rejected: the recipient's next channel has its turn, and no
// address is forgotten. That a token is over, APNs says by other reasons, and for sure.
func reasons() map[string]channels.Class {
	return map[string]channels.Class{
		"BadCollapseId":               channels.Rejected,
		badDeviceToken:                channels.Rejected,
		"BadExpirationDate":           channels.Rejected,
		"BadMessageId":                channels.Rejected,
		"BadPriority":                 channels.Rejected,
		"BadTopic":                    channels.Auth,
		"DeviceTokenNotForTopic":      channels.Rejected,
		"DuplicateHeaders":            channels.Rejected,
		"IdleTimeout":                 channels.Unavailable,
		"InvalidPushType":             channels.Rejected,
		"MissingDeviceToken":          channels.Rejected,
		"MissingTopic":                channels.Auth,
		"PayloadEmpty":                channels.Rejected,
		"TopicDisallowed":             channels.Auth,
		"BadCertificate":              channels.Auth,
		"BadCertificateEnvironment":   channels.Auth,
		"BadEnvironmentKeyIdInToken":  channels.Auth,
		expiredProviderToken:          channels.Auth,
		"Forbidden":                   channels.Auth,
		"InvalidProviderToken":        channels.Auth,
		"MissingProviderToken":        channels.Auth,
		"UnrelatedKeyIdInToken":       channels.Auth,
		"BadPath":                     channels.Rejected,
		"MethodNotAllowed":            channels.Rejected,
		"ExpiredToken":                channels.InvalidAddress,
		"Unregistered":                channels.InvalidAddress,
		"PayloadTooLarge":             channels.Rejected,
		"TooManyProviderTokenUpdates": channels.RateLimited,
		"TooManyRequests":             channels.RateLimited,
		"InternalServerError":         channels.Unknown,
		"ServiceUnavailable":          channels.Unavailable,
		"Shutdown":                    channels.Unavailable,
	}
}

// word is how a reason looks, so that nothing else gets into a code.
var word = regexp.MustCompile(`^[A-Za-z]{1,40}$`)

// refusal classifies an error by its reason, and one whose reason isn't known by its status: a 410 is a
// token that is over, whatever it says.
func refusal(a channels.Answer) *channels.Error {
	e := a.Refusal()
	if a.Status == http.StatusGone {
		e.Class = channels.InvalidAddress
	}
	var said struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal(a.Body, &said) != nil || !word.MatchString(said.Reason) {
		return e
	}
	e.Code += " " + said.Reason
	if class, known := reasons()[said.Reason]; known {
		e.Class = class
	}
	return e
}
