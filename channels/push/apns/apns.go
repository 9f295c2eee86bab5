// Package apns notifies iPhones, iPads, Macs and Watches through the Apple Push Notification service. A
// recipient's address is the device token that the app got, in hexadecimal.
//
// APNs acknowledges that it took a message, with the apns-id that was made of the attempt's reference; it
// has no receipt for what became of it. It keeps the newest message of a collapse id only, for a device
// that is off, and the device shows that one in place of the one before.
//
// We say who we are by a token that is signed with the team's key and kept for 40 minutes: APNs refuses
// one that is older than an hour, and senders who make one more often than every 20 minutes.
//
// Wire format follows
// https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns,
// https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns
// and
// https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns.
// APNs speaks HTTP/2 only, which net/http does by itself over TLS.
package apns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/push"
)

const (
	// maxPayload is the most that an alert's payload may take, in bytes.
	maxPayload = 4096
	// longestTTL is how long APNs stores a message at most: 30 days.
	longestTTL = 30 * 24 * time.Hour
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider: "apns",
		Title:    "Apple Push Notification service",
		Kind:     channels.Push,
		Channel:  "apns",
		Proofs:   []channels.Proof{channels.Accepted},
		Silence:  channels.SilenceIsPresumed,
		// Apple publishes no rate; a connection carries 1,000 requests at once.
		Limits:       channels.Limits{PerSecond: 1000, Concurrency: 64, Timeout: 15 * time.Second},
		CheckAddress: CheckAddress,
		Docs:         "https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns",
		Example:      example,
		New:          newSender,
	}
}

// example has a key that was made for it and is nobody's.
const example = `key_id: ABC123DEFG
team_id: DEF123GHIJ
topic: md.example.bank
private_key: |
  -----BEGIN PRIVATE KEY-----
  MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXedBmPhScGtbjx8G
  Yd8V1xieoCroPODx3/e+Wnd3NeWhRANCAAQ98vjXR4RsquWOCsSuer/Ou9j7EfhS
  6zb7xYOsud+gUBkluIiUh4ZT0WocxUmUqgHniDMAenTtx5XNWIemlOQj
  -----END PRIVATE KEY-----
link: https://status.bank.example/
`

// deviceToken has no fixed length, as Apple says; today's have 32 bytes.
var deviceToken = regexp.MustCompile(`^([0-9a-f]{2}){16,100}$`)

// CheckAddress checks that s can be a device token, and returns it in lower case, without the spaces and
// brackets with which old apps printed it.
func CheckAddress(s string) (string, error) {
	s = strings.ToLower(strings.NewReplacer(" ", "", "<", "", ">", "").Replace(s))
	if !deviceToken.MatchString(s) {
		return "", errors.New("is no device token in hexadecimal")
	}
	return s, nil
}

// Config is the adapter's configuration.
type Config struct {
	// PrivateKey is the team's key for APNs, the contents of its .p8 file; KeyID is the key's id, TeamID
	// the team's, ten characters each.
	PrivateKey channels.Secret `yaml:"private_key"`
	KeyID      string          `yaml:"key_id"`
	TeamID     string          `yaml:"team_id"`
	// Topic is the app's bundle id.
	Topic string `yaml:"topic"`
	// Link is what the app is given to open where the news has no link of its own; optional.
	Link string `yaml:"link"`
	// BaseURL is where the service is: https://api.sandbox.push.apple.com for apps in development, or the
	// sandbox.
	BaseURL string `yaml:"base_url"`
}

// id is how Apple's ids of keys and teams look.
var id = regexp.MustCompile(`^[A-Z0-9]{10}$`)

// bundleID is https://developer.apple.com/documentation/bundleresources/information-property-list/cfbundleidentifier.
var bundleID = regexp.MustCompile(`^[A-Za-z0-9.-]{1,155}$`)

func (c Config) check() error {
	switch {
	case !id.MatchString(c.KeyID):
		return errors.New("key_id: want ten capital letters and digits")
	case !id.MatchString(c.TeamID):
		return errors.New("team_id: want ten capital letters and digits")
	case !bundleID.MatchString(c.Topic):
		return errors.New("topic: want the app's bundle id")
	case c.Link == "":
		return nil
	}
	if _, err := channels.CheckURL(c.Link); err != nil {
		return errors.New("link: want an https URL")
	}
	return nil
}

type sender struct {
	api    *channels.API
	tokens *tokens
	topic  string
	link   string
}

func newSender(decode func(any) error, env channels.Env) (channels.Sender, error) {
	c := Config{BaseURL: "https://api.push.apple.com"}
	if err := decode(&c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	tokens, err := newTokens(c)
	if err != nil {
		return nil, err
	}
	api, err := channels.NewAPI(c.BaseURL, env)
	if err != nil {
		return nil, err
	}
	return &sender{api: api, tokens: tokens, topic: c.Topic, link: c.Link}, nil
}

// payload is what the device gets
// (https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification).
type payload struct {
	APS aps    `json:"aps"`
	URL string `json:"url,omitempty"`
}

type aps struct {
	Alert alert  `json:"alert"`
	Sound string `json:"sound"`
	// ThreadID has the notifications about an incident shown together.
	ThreadID string `json:"thread-id,omitempty"`
}

type alert struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body"`
}

// Send implements [channels.Sender]. The address is a device token.
func (s *sender) Send(ctx context.Context, m channels.Message) (channels.Ack, error) {
	p := payload{APS: aps{Alert: alert{m.Subject, m.Text}, Sound: "default", ThreadID: m.Topic}, URL: s.link}
	if m.News != nil && m.News.Link != "" {
		p.URL = m.News.Link
	}
	body, err := json.Marshal(p)
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.Rejected, Code: "request", Err: err}
	}
	if len(body) > maxPayload {
		return channels.Ack{}, push.TooLong(len(body), maxPayload)
	}
	token, err := CheckAddress(m.Address)
	if err != nil {
		return channels.Ack{}, &channels.Error{Class: channels.InvalidAddress, Code: "device_token", Err: err}
	}
	return s.post(ctx, token, s.header(m, time.Now()), body)
}

// header makes a request's header, but for who we are.
func (s *sender) header(m channels.Message, now time.Time) http.Header {
	h := http.Header{
		"Content-Type":    {"application/json"},
		"Apns-Topic":      {s.topic},
		"Apns-Push-Type":  {"alert"},
		"Apns-Priority":   {"10"},
		"Apns-Expiration": {strconv.FormatInt(now.Unix()+int64(push.TTL(m.UsefulFor, longestTTL)), 10)},
		"Apns-Id":         {uuid(m.Ref)},
	}
	if m.Topic != "" && len(m.Topic) <= 64 {
		h.Set("Apns-Collapse-Id", m.Topic)
	}
	return h
}

func (s *sender) post(ctx context.Context, device string, header http.Header, body []byte) (channels.Ack, error) {
	token, err := s.tokens.get()
	if err != nil {
		return channels.Ack{}, err
	}
	header.Set("Authorization", "bearer "+token.Reveal())
	answer, err := s.api.Call(ctx, http.MethodPost, "/3/device/"+device, header, body)
	if err != nil {
		return channels.Ack{}, err
	}
	ack, err := readAck(answer)
	if e := channels.AsError(err); err != nil && e.Code == "403 "+expiredProviderToken {
		s.tokens.expired(token)
	}
	return ack, err
}

// Probe implements [channels.Prober]: a message for a device that there isn't. That APNs finds the device
// wrong says that it found nothing wrong with us.
func (s *sender) Probe(ctx context.Context) error {
	m := channels.Message{Ref: "probe", UsefulFor: time.Second}
	_, err := s.post(ctx, strings.Repeat("00", 32), s.header(m, time.Now()), []byte(`{"aps":{"alert":{"body":"probe"}}}`))
	if err != nil && channels.AsError(err).Code == "400 "+badDeviceToken {
		return nil
	}
	return err
}

// uuid makes the apns-id of an attempt of its reference: a UUID of version 8, of whatever one likes
// (RFC 9562, section 5.8).
func uuid(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Close implements [channels.Sender]. The connections are the HTTP client's.
func (s *sender) Close() error { return nil }
