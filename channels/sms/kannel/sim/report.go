package sim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// reportTries is how often a report is made while its URL doesn't answer: http-request-retry, which
// Kannel leaves at none unless it is configured.
const reportTries = 3

// report is a delivery report.
type report struct {
	kind   int
	answer string // the short message centre's words
	id     string // and its id
}

// reporter returns what calls the dlr-url for the types of report that dlr-mask asks for; nil if none
// are. An SMS is never reported as read.
func (b *smsbox) reporter(h http.Header, text string) func(context.Context, string) {
	target := h.Get("X-Kannel-Dlr-Url")
	if target == "" {
		return nil
	}
	mask, _ := strconv.Atoi(h.Get("X-Kannel-Dlr-Mask")) // checked before
	id := fmt.Sprintf("%010d", b.ids.Add(1))
	return func(ctx context.Context, state string) {
		r := reportOf(state, id, text)
		if r.kind&mask == 0 {
			return
		}
		b.desk.Call(ctx, reportTries, func() (*http.Request, error) {
			req, err := http.NewRequest(http.MethodGet, expand(target, r), nil)
			if err != nil {
				return nil, err
			}
			req.Header.Set("User-Agent", "Kannel/1.4.5")
			return req, nil
		})
	}
}

// reportOf is the report of a state: of submission, which knows no id, or of delivery, with an SMPP
// receipt (SMPP 3.4, appendix B) in which the message's first twenty characters stand.
func reportOf(state, id, text string) report {
	switch state {
	case "sent":
		return report{kind: 8, answer: "ACK/"}
	case "delivered":
		now := time.Now().UTC().Format("0601021504")
		begin := []rune(text)
		return report{kind: 1, id: id, answer: fmt.Sprintf("id:%s sub:001 dlvrd:001 submit date:%s done date:%s stat:DELIVRD err:000 text:%s",
			id, now, now, string(begin[:min(20, len(begin))]))}
	}
	return report{}
}

// expand puts a report into a dlr-url, in place of its escape codes (table 7-10).
func expand(target string, r report) string {
	return strings.NewReplacer(
		"%%", "%", "%d", strconv.Itoa(r.kind), "%A", url.QueryEscape(r.answer), "%F", url.QueryEscape(r.id), "%i", "SIM",
	).Replace(target)
}
