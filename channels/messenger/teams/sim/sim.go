// Package sim is the far side of the Teams adapter: workflows with the trigger "When a Teams webhook
// request is received" that post the Adaptive Cards they get to a channel, as
// https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook describes them.
//
// It differs from the original in this: a card is checked before the answer, where the original answers 202
// and fails in a run that nobody sees; of cards it knows RichTextBlock, TextRun and Action.OpenUrl, and of
// those the properties that https://adaptivecards.io/explorer/ lists for a plain text, in version 1.4.
package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

const (
	// Origin is that of every workflow.
	Origin = "https://prod-00.westeurope.logic.azure.com"
	// Signature is the sig that every URL has.
	Signature = "pN0zLmLVJ2Fvqkz4vwbbIhdXx9zDNfvhO4LMnoCkVTg"
	prefix    = "/workflows/"
	suffix    = "/triggers/manual/paths/invoke"
	// maxBody is 28 KB (https://learn.microsoft.com/en-us/microsoftteams/limits-specifications-teams#chat).
	maxBody = 28 * 1024
)

// URL is the webhook of a workflow.
func URL(workflow string) string {
	return Origin + prefix + workflow + suffix + "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + Signature
}

// Simulator describes the simulated workflows.
func Simulator() sandbox.Simulator {
	const workflow = "operations"
	return sandbox.Simulator{
		Provider: "teams", HTTP: func(d *sandbox.Desk) http.Handler { return &server{d} }, Accounts: []string{workflow},
		Settings: func(endpoint string) map[string]any {
			return map[string]any{"base_url": endpoint, "webhooks": map[string]string{workflow: URL(workflow)}}
		},
	}
}

type server struct{ desk *sandbox.Desk }

// ServeHTTP takes POSTs to workflows.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	workflow, found := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, prefix), suffix)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch mode := s.desk.Gate(r.Context()); {
	case mode == sandbox.Hanging:
		panic(http.ErrAbortHandler)
	case mode == sandbox.Unavailable:
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailable")
	case mode == sandbox.RateLimited:
		w.Header().Set("Retry-After", "2")
		fail(w, http.StatusTooManyRequests, "WorkflowTriggerThrottled")
	case !found || workflow == "":
		fail(w, http.StatusNotFound, "WorkflowNotFound")
	case r.URL.Query().Get("sig") != Signature || r.URL.Query().Get("sp") != "/triggers/manual/run":
		fail(w, http.StatusUnauthorized, "AuthorizationFailed")
	case r.Method != http.MethodPost:
		fail(w, http.StatusBadRequest, "TriggerRequestMethodNotValid")
	case err != nil:
		fail(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
	default:
		s.run(w, workflow, body)
	}
}

// run starts a workflow.
func (s *server) run(w http.ResponseWriter, workflow string, body []byte) {
	text, ok := read(body)
	if !ok {
		fail(w, http.StatusBadRequest, "TriggerInputSchemaMismatch")
		return
	}
	fate := s.desk.Take(workflow, text)
	if fate.Refused {
		fail(w, http.StatusBadRequest, "WorkflowTriggerIsNotEnabled")
		return
	}
	w.WriteHeader(http.StatusAccepted)
	s.desk.Follow(workflow, fate, nil)
}

// message is what the workflow's template expects.
type message struct {
	Type        string `json:"type"`
	Attachments []struct {
		ContentType string  `json:"contentType"`
		ContentURL  *string `json:"contentUrl"`
		Content     card    `json:"content"`
	} `json:"attachments"`
}

type card struct {
	Schema  string  `json:"$schema"`
	Type    string  `json:"type"`
	Version string  `json:"version"`
	Lang    string  `json:"lang"`
	Body    []block `json:"body"`
}

type block struct {
	Type    string `json:"type"`
	Inlines []struct {
		Type   string `json:"type"`
		Text   string `json:"text"`
		Action *struct {
			Type  string `json:"type"`
			URL   string `json:"url"`
			Title string `json:"title"`
		} `json:"selectAction"`
	} `json:"inlines"`
}

// read returns the text of the card in a message.
func read(body []byte) (text string, ok bool) {
	var m message
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || dec.More() || m.Type != "message" || len(m.Attachments) != 1 {
		return "", false
	}
	a := m.Attachments[0]
	if a.ContentType != "application/vnd.microsoft.card.adaptive" || a.Content.Type != "AdaptiveCard" || a.Content.Version != "1.4" {
		return "", false
	}
	var lines []string
	for _, b := range a.Content.Body {
		l, ok := b.text()
		if !ok {
			return "", false
		}
		lines = append(lines, l)
	}
	return strings.Join(lines, "\n"), len(lines) > 0
}

func (b block) text() (string, bool) {
	var text strings.Builder
	for _, in := range b.Inlines {
		if in.Type != "TextRun" || in.Text == "" {
			return "", false
		}
		if in.Action != nil && (in.Action.Type != "Action.OpenUrl" || !strings.HasPrefix(in.Action.URL, "https://")) {
			return "", false
		}
		text.WriteString(in.Text)
	}
	return text.String(), b.Type == "RichTextBlock" && len(b.Inlines) > 0
}

// fail answers with an error as the service under the workflows words them.
func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": "The workflow could not be started."}})
}
