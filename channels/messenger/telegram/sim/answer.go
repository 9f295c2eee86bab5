package sim

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// envelope is around every answer.
type envelope struct {
	OK          bool        `json:"ok"`
	Result      any         `json:"result,omitempty"`
	ErrorCode   int         `json:"error_code,omitempty"`
	Description string      `json:"description,omitempty"`
	Parameters  *parameters `json:"parameters,omitempty"`
}

type parameters struct {
	MigrateToChatID int64 `json:"migrate_to_chat_id,omitempty"`
	RetryAfter      int   `json:"retry_after,omitempty"`
}

type user struct {
	ID        int64  `json:"id"`
	IsBot     bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	Username  string `json:"username"`
}

type chat struct {
	ID       int64  `json:"id"`
	Type     string `json:"type"`
	Username string `json:"username,omitempty"`
}

type sent struct {
	ID   int64  `json:"message_id"`
	From user   `json:"from"`
	Chat chat   `json:"chat"`
	Date int64  `json:"date"`
	Text string `json:"text"`
}

func bot() user {
	return user{ID: 123456, IsBot: true, FirstName: "Sandbox", Username: "sandbox_bot"}
}

func chatOf(id string) chat {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return chat{ID: -1001000000000, Type: "channel", Username: id[1:]}
	}
	if n < 0 {
		return chat{ID: n, Type: "group"}
	}
	return chat{ID: n, Type: "private"}
}

func answer(w http.ResponseWriter, result any) {
	write(w, http.StatusOK, envelope{OK: true, Result: result})
}

func refuse(w http.ResponseWriter, code int, description string, p *parameters) {
	write(w, code, envelope{ErrorCode: code, Description: description, Parameters: p})
}

func write(w http.ResponseWriter, status int, e envelope) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e)
}
