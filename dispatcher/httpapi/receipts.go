package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// Limits of what a provider may send.
const (
	maxWebhook    = 3 << 20 // bytes of a body; the largest are Meta's, "up to 3 MB"
	maxProviderID = 512     // bytes of a provider's id
	maxCode       = 128     // bytes of a code; more is cut
)

// receiver takes the receipts of one channel's provider.
type receiver struct {
	Receiver
	gathering *gathering
	metrics   *Metrics
	// forged bounds what is logged of calls that are not signed: anybody can make them.
	forged rate.Sometimes
}

func newReceiver(r Receiver, o *Options) *receiver {
	g := &gathering{
		channel: r.Channel, provider: r.Provider, bus: o.Bus, metrics: o.Metrics, log: o.Log,
		begun: make(chan struct{}, 1), full: make(chan struct{}, 1),
		deferred: rate.Sometimes{Interval: 10 * time.Second},
	}
	return &receiver{Receiver: r, metrics: o.Metrics, gathering: g, forged: rate.Sometimes{Interval: time.Minute}}
}

// receipts takes a provider's webhook. The answers are chosen for what providers do with them: most
// repeat what was answered with 5xx, and give up or switch the webhook off on other codes.
//
//	200  stored, or there was nothing in it to be stored. Some providers take no other 2xx for a yes.
//	     A provider that tests the webhook finds its challenge in the body
//	     What a recipient wrote may be answered in the body
//	400  signed, but it can't be read
//	403  not signed by the provider
//	404  no such webhook, or it speaks only of attempts that this installation did not make
//	413  more than 3 MiB
//	503  not stored; with Retry-After
//
// A call that speaks of several attempts, of which only some are ours, is answered for those.
func (s *Server) receipts(w http.ResponseWriter, r *http.Request, _ *Token) error {
	rc := s.receivers[target{r.PathValue("channel"), r.PathValue("provider")}]
	if rc == nil || rc.Parser == nil {
		return &problem{status: http.StatusNotFound, message: "no receipts are taken here", hint: "the path is /v1/receipts/<channel>/<provider>, as configured"}
	}
	buf := s.bodies.Get().(*bytes.Buffer)
	defer s.bodies.Put(buf)
	buf.Reset()
	if err := readInto(buf, r); err != nil {
		return err
	}
	challenged := s.challenged(w, r)
	heard, err := rc.Parser.ParseCallback(channels.Callback{
		Method: r.Method, URL: s.calledURL(r.URL), Ref: r.PathValue("ref"), Header: r.Header, Body: buf.Bytes(),
	})
	switch {
	case err != nil && challenged:
		return notSigned // as it is meant to be
	case err != nil:
		return rc.refused(err)
	}
	if heard.Answer != "" {
		echo(w, heard.Answer)
		return nil
	}
	if err := s.hear(r.Context(), rc, heard.Inbound); err != nil {
		return err
	}
	if len(heard.Inbound) > 0 && len(heard.Receipts) == 0 {
		return s.reply(w, r, rc, heard.Inbound)
	}
	return rc.take(w, r, heard.Receipts, s.Signer)
}

// echo answers a test of the webhook. What is echoed came from outside, so nothing may take it for more
// than text.
func echo(w http.ResponseWriter, challenge string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, challenge)
}

func readInto(buf *bytes.Buffer, r *http.Request) error {
	if r.ContentLength > maxWebhook {
		return tooLarge
	}
	n, err := io.Copy(buf, io.LimitReader(r.Body, maxWebhook+1))
	if n > maxWebhook {
		return tooLarge
	}
	if err != nil {
		return invalid("the body could not be read", "")
	}
	return nil
}

var tooLarge = &problem{status: http.StatusRequestEntityTooLarge, message: "the body has more than 3 MiB"}

// calledURL is the URL that the provider called: the public one, with the path and query as they
// were asked for. Headers are not believed.
func (s *Server) calledURL(asked *url.URL) *url.URL {
	u := s.base
	u.Path += asked.Path
	if asked.RawPath != "" || u.RawPath != "" {
		u.RawPath = s.base.EscapedPath() + asked.EscapedPath()
	}
	u.RawQuery, u.ForceQuery = asked.RawQuery, asked.ForceQuery
	return &u
}

func (rc *receiver) refused(err error) error {
	e := channels.AsError(err)
	if e.Class == channels.Auth {
		rc.metrics.receipt(rc.Channel, resultForged, 1)
		rc.forged.Do(func() {
			rc.gathering.log.Warn("a webhook call is not signed by the provider: if it is the provider's, http.public_url or its secret is wrong",
				"channel", rc.Channel, "provider", rc.Provider)
		})
		return notSigned
	}
	rc.metrics.receipt(rc.Channel, resultUnreadable, 1)
	return &problem{status: http.StatusBadRequest, message: "the call can't be read (" + e.Code + ")"}
}

var notSigned = &problem{
	status: http.StatusForbidden, message: "the call is not signed by the provider", hint: "check http.public_url and the provider's secret in the configuration",
}

// take stores the receipts of one call and answers.
func (rc *receiver) take(w http.ResponseWriter, r *http.Request, given []channels.Receipt, signer *notification.Signer) error {
	ours, err := rc.keep(r.Context(), given, signer)
	if err != nil {
		p := unavailable("the receipt was not stored", err)
		p.quiet = true // there may be thousands a second; gathering logs it now and then
		return p
	}
	if ours == 0 && len(given) > 0 {
		return &problem{status: http.StatusNotFound, message: "this speaks of no attempt of ours"}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// keep stores those of the receipts that speak of attempts of ours, and returns how many these are.
func (rc *receiver) keep(ctx context.Context, given []channels.Receipt, signer *notification.Signer) (int, error) {
	var one [1]bus.Receipt
	ours := one[:0]
	for i := range given {
		if receipt, err := identify(&given[i], signer); err == nil {
			ours = append(ours, receipt)
		}
	}
	rc.metrics.receipt(rc.Channel, resultForeign, len(given)-len(ours))
	if len(given) == 0 {
		rc.metrics.receipt(rc.Channel, resultEmpty, 1)
	}
	if len(ours) == 0 {
		return 0, nil
	}
	if err := rc.gathering.store(ctx, ours); err != nil {
		rc.metrics.receipt(rc.Channel, resultDeferred, len(ours))
		return 0, err
	}
	rc.metrics.receipt(rc.Channel, resultStored, len(ours))
	return len(ours), nil
}

var errNoIdentity = errors.New("names no attempt")

// identify makes of a provider's receipt one that names an attempt, by our reference where there is
// one, else by the provider's id.
func identify(r *channels.Receipt, signer *notification.Signer) (bus.Receipt, error) {
	out := bus.Receipt{State: r.State, Code: r.Code, Dead: r.Dead, At: r.At}
	if len(out.Code) > maxCode {
		out.Code = out.Code[:maxCode]
	}
	if r.Ref != "" {
		id, err := signer.Verify(r.Ref)
		out.Notification, out.Step, out.Try = id.Notification, id.Step, id.Try
		return out, err
	}
	if r.ProviderID == "" || len(r.ProviderID) > maxProviderID {
		return out, errNoIdentity
	}
	out.ProviderID = r.ProviderID
	return out, nil
}
