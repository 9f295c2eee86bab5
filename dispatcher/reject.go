package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// FaultsHeader carries what was wrong with a rejected update, as JSON.
const FaultsHeader = "Tocsin-Faults"

// Reject records an update that was refused and publishes it whole, with its faults, under the
// team's rejected subject.
func Reject(ctx context.Context, l interface {
	RecordRejection(context.Context, ledger.Rejection) error
}, b interface {
	PublishMessage(ctx context.Context, subject string, header map[string][]string, body []byte) error
}, m *Metrics, r ledger.Rejection, header map[string][]string,
) error {
	if err := l.RecordRejection(ctx, r); err != nil {
		return err
	}
	h, err := rejectedHeader(r.Faults, header)
	if err != nil {
		return err
	}
	if err := b.PublishMessage(ctx, bus.RejectedSubject(r.Team), h, r.Body); err != nil {
		return err
	}
	m.update("rejected")
	return nil
}

// Bounds of what a rejection's header holds, in bytes. The server takes 64 KiB, and a rejection that
// can't be published would come again for ever. The ledger keeps all faults.
const (
	maxFaults  = 16 << 10
	maxHeaders = 32 << 10
)

// rejectedHeader is the header of a rejection: the faults, and the event's own as far as there is
// room, without its orders to the server (an expected sequence, an id to dedupe by).
func rejectedHeader(faults []incident.Fault, header map[string][]string) (map[string][]string, error) {
	short, err := shortFaults(faults)
	if err != nil {
		return nil, err
	}
	h, size := map[string][]string{FaultsHeader: {short}}, 0
	for k, vs := range header {
		for _, v := range vs {
			size += len(k) + len(v) + len(": \r\n")
		}
		if size <= maxHeaders && !strings.HasPrefix(http.CanonicalHeaderKey(k), "Nats-") {
			h[k] = vs
		}
	}
	return h, nil
}

// shortFaults writes as many faults as there is room for, and how many more there are.
func shortFaults(faults []incident.Fault) (string, error) {
	for n := len(faults); ; n /= 2 {
		some := slices.Clone(faults[:n])
		if left := len(faults) - n; left > 0 {
			some = append(some, incident.Fault{Path: "body", Problem: fmt.Sprintf("has %d more faults", left)})
		}
		b, err := json.Marshal(some)
		if err != nil || len(b) <= maxFaults || n == 0 {
			return string(b), err
		}
	}
}
