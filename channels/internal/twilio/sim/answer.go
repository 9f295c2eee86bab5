package sim

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// Complaint is Twilio's error answer.
type Complaint struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

// Problem answers with an error.
func Problem(w http.ResponseWriter, status, code int, text string) {
	JSON(w, status, Complaint{
		Code: code, Message: text, Status: status,
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
	})
}

// JSON answers with a resource.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// IDs gives out ids of one sort: a random half, so that runs don't repeat them, and a counter.
type IDs struct {
	prefix string
	last   atomic.Uint64
}

// NewIDs returns ids that begin with a prefix of two letters.
func NewIDs(prefix string) *IDs {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return &IDs{prefix: prefix + hex.EncodeToString(b[:])}
}

// Next is an id that none was before.
func (i *IDs) Next() string { return fmt.Sprintf("%s%016x", i.prefix, i.last.Add(1)) }

// IsE164 reports whether s is a number as ITU-T E.164 has it: a plus and 7 to 15 digits.
func IsE164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// IsCallback reports whether s is an URL that Twilio would call: absolute, and with no underscore in
// the host.
func IsCallback(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.Contains(u.Host, "_")
}
