package inapp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// window is how far the time in a signature may be from ours: what is older may be a replay.
const window = 5 * time.Minute

// ParseCallback implements [channels.CallbackParser]. A callback is one report about one notice.
func (s *sender) ParseCallback(c channels.Callback) (channels.Heard, error) {
	if !s.signed(c) {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "signature", Err: errors.New("callback isn't signed by the inbox, or too long ago")}
	}
	r, err := parseReport(c.Body)
	if err != nil {
		return channels.Heard{}, err
	}
	if c.Ref != "" && c.Ref != r.Ref {
		return channels.Heard{}, &channels.Error{Class: channels.Auth, Code: "reference", Err: errors.New("the report is about another attempt than its URL")}
	}
	return channels.Heard{Receipts: []channels.Receipt{r}}, nil
}

// signed verifies Tocsin-Inbox-Signature, "t=<seconds>,v1=<hex>": the HMAC-SHA256 under the key of the
// time, a full stop and the raw body.
func (s *sender) signed(c channels.Callback) bool {
	at, hash, ok := strings.Cut(c.Header.Get("Tocsin-Inbox-Signature"), ",v1=")
	at, timed := strings.CutPrefix(at, "t=")
	given, err := hex.DecodeString(hash)
	if !ok || !timed || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(s.key.Reveal()))
	mac.Write([]byte(at + "."))
	mac.Write(c.Body)
	seconds, err := strconv.ParseInt(at, 10, 64)
	return hmac.Equal(mac.Sum(nil), given) && err == nil && s.now().Sub(time.Unix(seconds, 0)).Abs() <= window
}

func parseReport(body []byte) (channels.Receipt, error) {
	var report struct {
		Ref   string                `json:"ref"`
		ID    string                `json:"id"`
		State channels.ReceiptState `json:"state"`
		At    time.Time             `json:"at"`
	}
	if err := json.Unmarshal(body, &report); err != nil || report.Ref == "" {
		return channels.Receipt{}, unreadable("no report")
	}
	switch report.State {
	case channels.ReceiptDelivered, channels.ReceiptRead:
	default:
		return channels.Receipt{}, unreadable("a report with a state that there isn't")
	}
	return channels.Receipt{Ref: report.Ref, ProviderID: report.ID, State: report.State, Code: string(report.State), At: report.At}, nil
}

func unreadable(what string) *channels.Error {
	return &channels.Error{Class: channels.Rejected, Code: "unreadable", Err: errors.New(what)}
}
