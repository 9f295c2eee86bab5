package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// watchedLine is a line of the answer to who watches receipts: that they are watched now, then one a
// receipt. There are ids and codes in it, no address.
type watchedLine struct {
	Watching bool         `json:"watching,omitempty"`
	Receipt  *bus.Receipt `json:"receipt,omitempty"`
}

// watchBuffer is how many receipts may wait for a watcher to read; more are lost to it.
const watchBuffer = 1024

// watchReceipts answers, line by line, with the receipts of a channel's provider that come from now on,
// whichever process takes them. It is for following a test message, and keeps nothing.
func (s *Server) watchReceipts(w http.ResponseWriter, r *http.Request, _ *Token) error {
	t := target{r.PathValue("channel"), r.PathValue("provider")}
	if s.receivers[t] == nil {
		return &problem{status: http.StatusNotFound, message: "no receipts are taken for this provider", hint: "name a channel and a provider that are configured, and that report"}
	}
	heard := make(chan bus.Receipt, watchBuffer)
	stop, err := s.Bus.WatchReceipts(t.channel, t.provider, func(r bus.Receipt) {
		select {
		case heard <- r:
		default:
		}
	})
	if err != nil {
		return unavailable("receipts can't be watched", err)
	}
	defer stop()
	unlimited(w)
	w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	out := watcher{json.NewEncoder(w), http.NewResponseController(w)}
	out.relay(r.Context(), s.ended, heard)
	return nil
}

type watcher struct {
	lines   *json.Encoder
	control *http.ResponseController
}

// relay writes until either side ends.
func (o watcher) relay(ctx context.Context, ended <-chan struct{}, heard <-chan bus.Receipt) {
	line := watchedLine{Watching: true}
	for {
		if o.lines.Encode(line) != nil || o.control.Flush() != nil {
			return // nobody reads on
		}
		select {
		case r := <-heard:
			line = watchedLine{Receipt: &r}
		case <-ctx.Done():
			return
		case <-ended:
			return
		}
	}
}

// WatchReceipts calls heard with every receipt of a channel's provider that the server's installation
// takes, until ctx ends or the server does; watching is called before the first, once none is missed any
// more. An error says why it ended, ctx's end among them.
func (c *Client) WatchReceipts(ctx context.Context, channel, provider string, watching func(), heard func(bus.Receipt)) error {
	resp, err := c.request(ctx, http.MethodGet, "/v1/watch/receipts/"+url.PathEscape(channel)+"/"+url.PathEscape(provider), "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // there is no end to wait for
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		var l watchedLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("server: watching receipts: %w", err)
		}
		switch {
		case l.Watching:
			watching()
		case l.Receipt != nil:
			heard(*l.Receipt)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("server: watching receipts: %w", err)
	}
	return fmt.Errorf("server: watching receipts: %w", io.ErrUnexpectedEOF)
}
