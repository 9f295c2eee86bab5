package statuspage

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"github.com/tocsin-dev/tocsin/channels"
)

// Probe implements [channels.Prober]: it reads every page's status.json from where the site is served, and
// fails unless it is the one that was written. A cache between here and there may make it wait.
func (s *sender) Probe(ctx context.Context) error {
	for _, name := range s.tree.pages {
		written, err := os.ReadFile(filepath.Join(s.tree.root, name, "status.json"))
		if err != nil {
			return refusal(err)
		}
		answer, err := s.api.Call(ctx, http.MethodGet, "/"+name+"/status.json", http.Header{"Cache-Control": {"no-cache"}}, nil)
		if err != nil {
			return err
		}
		if answer.Status != http.StatusOK {
			return &channels.Error{Class: channels.Unavailable, Code: answer.Refusal().Code, Err: errors.New("the page is not served")}
		}
		if !bytes.Equal(answer.Body, written) {
			return &channels.Error{Class: channels.Unavailable, Code: "stale", Err: errors.New("the page served is not the one written")}
		}
	}
	return nil
}
