package sim

import (
	"encoding/json"
	"net/http"
)

// status is what an answer says of the request: 0, or an error code.
type status int

// The statuses that the simulator gives.
const (
	ok                    status = 0
	invalidURL            status = 1
	invalidAuthToken      status = 2
	badData               status = 3
	missingData           status = 4
	receiverNotSubscribed status = 6
	tooManyRequests       status = 12
)

func (s status) String() string {
	switch s {
	case ok:
		return "ok"
	case invalidURL:
		return "invalidUrl"
	case invalidAuthToken:
		return "invalidAuthToken"
	case badData:
		return "badData"
	case missingData:
		return "missingData"
	case receiverNotSubscribed:
		return "receiverNotSubscribed"
	case tooManyRequests:
		return "tooManyRequests"
	}
	return "general error"
}

// reply is in every answer.
type reply struct {
	Status  status `json:"status"`
	Message string `json:"status_message"`
}

// sent answers send_message.
type sent struct {
	reply
	MessageToken  uint64 `json:"message_token"`
	ChatHostname  string `json:"chat_hostname"`
	BillingStatus int    `json:"billing_status"`
}

// hooked answers set_webhook.
type hooked struct {
	reply
	EventTypes []string `json:"event_types,omitempty"`
}

// account answers get_account_info.
type account struct {
	reply
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	URI        string   `json:"uri"`
	Country    string   `json:"country"`
	Webhook    string   `json:"webhook,omitempty"`
	EventTypes []string `json:"event_types,omitempty"`
}

func fail(w http.ResponseWriter, s status) { write(w, reply{s, s.String()}) }

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
