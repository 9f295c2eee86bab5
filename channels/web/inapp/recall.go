package inapp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/tocsin-dev/tocsin/channels"
)

// Recall implements [channels.Recaller]: it has the inbox withdraw the notice, as the documentation of package inbox
// says (DELETE /v1/notices/{id}). The notice's ref goes with its id, so that an inbox that numbers anew, from another
// file, doesn't withdraw another one.
func (s *sender) Recall(ctx context.Context, m channels.Sent) error {
	if m.ProviderID == "" || m.Ref == "" {
		return &channels.Error{Class: channels.Rejected, Code: "id", Err: errors.New("no id, or no ref, of a notice")}
	}
	path := "/v1/notices/" + url.PathEscape(m.ProviderID) + "?ref=" + url.QueryEscape(m.Ref)
	answer, err := s.api.Call(ctx, http.MethodDelete, path, s.authorized(), nil)
	if err != nil {
		return err
	}
	return withdrawn(answer)
}

// withdrawn is nil if the answer says that the notice isn't there any more. Only the inbox's own word for it counts: a
// proxy says 404 too.
func withdrawn(a channels.Answer) error {
	var said struct {
		Error string `json:"error"`
	}
	unreadable := json.Unmarshal(a.Body, &said) != nil
	switch {
	case a.Status == http.StatusNoContent:
		return nil
	case a.Status == http.StatusNotFound && !unreadable && said.Error == "unknown_notice":
		return nil
	}
	return a.Refusal()
}
