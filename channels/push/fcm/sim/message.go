package sim

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// request is the body of messages:send.
type request struct {
	ValidateOnly bool    `json:"validate_only"`
	Message      message `json:"message"`
}

// message is what is known here of
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message.
type message struct {
	Token        string `json:"token"`
	Topic        string `json:"topic"`
	Notification struct {
		Title string `json:"title"`
		Body  string `json:"body"`
		Image string `json:"image"`
	} `json:"notification"`
	Data    map[string]string `json:"data"`
	Android struct {
		CollapseKey  string `json:"collapse_key"`
		Priority     string `json:"priority"`
		TTL          string `json:"ttl"`
		Notification struct {
			Tag       string `json:"tag"`
			ChannelID string `json:"channel_id"`
		} `json:"notification"`
	} `json:"android"`
	APNS struct {
		Headers map[string]string `json:"headers"`
		Payload map[string]any    `json:"payload"`
	} `json:"apns"`
	WebPush struct {
		Headers      map[string]string `json:"headers"`
		Notification map[string]any    `json:"notification"`
		Options      struct {
			Link string `json:"link"`
		} `json:"fcm_options"`
	} `json:"webpush"`
	Options struct {
		AnalyticsLabel string `json:"analytics_label"`
	} `json:"fcm_options"`
}

// check says what FCM would find wrong with a request.
func (r request) check() problem {
	m := r.Message
	switch {
	case (m.Token == "") == (m.Topic == ""):
		return problem{"message", "Recipient of the message is not set, or there is more than one."}
	case m.Token != "" && !registration.MatchString(m.Token):
		return problem{"message.token", "The registration token is not a valid FCM registration token"}
	case m.Notification.Title == "" && m.Notification.Body == "" && len(m.Data) == 0:
		return problem{"message", "The message is empty."}
	case m.size() > 4096:
		return problem{"message", "Android message is too big"}
	}
	return m.checkPlatforms()
}

// duration is how google.protobuf.Duration is written in JSON.
var duration = regexp.MustCompile(`^([0-9]{1,12})(\.[0-9]{1,9})?s$`)

// reserved are keys that an app's own data can't have.
var reserved = regexp.MustCompile(`^(from|message_type|google.*|gcm.*)$`)

func (m message) checkPlatforms() problem {
	const longest = 2419200 // four weeks
	if ttl := m.Android.TTL; ttl != "" {
		parts := duration.FindStringSubmatch(ttl)
		if parts == nil {
			return problem{"message.android.ttl", "Invalid duration format"}
		}
		if seconds, err := strconv.Atoi(parts[1]); err != nil || seconds > longest {
			return problem{"message.android.ttl", "TTL must be 0 to 2,419,200 seconds"}
		}
	}
	if p := m.Android.Priority; p != "" && p != "HIGH" && p != "NORMAL" {
		return problem{"message.android.priority", "Invalid value"}
	}
	for key := range m.Data {
		if reserved.MatchString(key) {
			return problem{"message.data", "Invalid data payload key"}
		}
	}
	return m.checkHeaders()
}

// checkHeaders checks what goes on to Apple and to push services.
func (m message) checkHeaders() problem {
	for name, value := range m.APNS.Headers {
		switch name {
		case "apns-expiration":
			at, err := strconv.ParseInt(value, 10, 64)
			if err != nil || (at != 0 && at < time.Now().Add(-time.Hour).Unix()) {
				return problem{"message.apns.headers", "Invalid apns-expiration"}
			}
		case "apns-priority", "apns-collapse-id", "apns-push-type", "apns-id", "apns-topic":
			if value == "" || len(value) > 64 {
				return problem{"message.apns.headers", "Invalid " + name}
			}
		default:
			return problem{"message.apns.headers", "Unknown header " + name}
		}
	}
	for name := range m.WebPush.Headers {
		if name != "TTL" && name != "Urgency" && name != "Topic" {
			return problem{"message.webpush.headers", "Unknown header " + name}
		}
	}
	return problem{}
}

// size is what notification and data take.
func (m message) size() int {
	n := len(m.Notification.Title) + len(m.Notification.Body)
	for k, v := range m.Data {
		n += len(k) + len(v)
	}
	return n
}

// detail is one of an error's details.
type detail struct {
	Type       string  `json:"@type"`
	ErrorCode  string  `json:"errorCode,omitempty"`
	Violations []field `json:"fieldViolations,omitempty"`
}

type field struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// fail answers with an error as https://firebase.google.com/docs/cloud-messaging/error-codes shows them.
func fail(w http.ResponseWriter, code int, status, fcmCode, message string, more ...detail) {
	details := more
	if fcmCode != "" {
		details = append([]detail{{Type: "type.googleapis.com/google.firebase.fcm.v1.FcmError", ErrorCode: fcmCode}}, more...)
	}
	write(w, code, map[string]any{"error": map[string]any{
		"code": code, "message": message, "status": status, "details": details,
	}})
}

// violation answers that a request is wrong. What is wrong with a token is said as an FcmError alone, of
// the two ways that the page shows.
func violation(w http.ResponseWriter, p problem) {
	const code = "INVALID_ARGUMENT"
	if p.field == "message.token" {
		fail(w, http.StatusBadRequest, code, code, p.message)
		return
	}
	fail(w, http.StatusBadRequest, code, "", p.message, detail{
		Type: "type.googleapis.com/google.rpc.BadRequest", Violations: []field{{p.field, p.message}},
	})
}
