package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/plan"
	"github.com/tocsin-dev/tocsin/templates"
)

// bare gives messages to the providers with the same clients, takes the receipts in an empty
// handler, and keeps nothing.
type bare struct {
	senders  map[string]channels.Sender // by channel
	listener net.Listener
	server   *http.Server
	receipts atomic.Int64
	// hears says that some of the providers call with receipts.
	hears bool
}

func newBare(b *bench) (*bare, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	x := &bare{senders: map[string]channels.Sender{}, listener: l}
	x.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		x.receipts.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = x.server.Serve(l) }()
	for _, a := range b.Adapters {
		sender, err := a.Spec.New(func(v any) error { return decodeSettings(a, v) }, channels.Env{HTTP: client(), UserAgent: "bench"})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("bench: %s: %w", a.Spec.Provider, err), x.close())
		}
		x.senders[a.Spec.Channel] = sender
		if _, calls := sender.(channels.CallbackParser); calls {
			x.hears = true
		}
	}
	return x, nil
}

func decodeSettings(a Adapter, v any) error {
	if a.Simulator.Settings == nil {
		return nil
	}
	raw, err := yaml.Marshal(a.Simulator.Settings(a.Endpoint))
	if err != nil {
		return err
	}
	return yaml.Unmarshal(raw, v)
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency, MaxConnsPerHost: concurrency}}
}

func (x *bare) url() string { return "http://" + x.listener.Addr().String() }

func (x *bare) close() error {
	errs := []error{x.server.Close()}
	for _, s := range x.senders {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// announce tells everybody what Tocsin would tell them. Messages are written in portions, outside of
// what is measured: the bare clients find them ready.
func (x *bare) announce(ctx context.Context, b *bench, u incident.Update) (cpuTime, wall time.Duration, err error) {
	w, err := newWriter(b, u, x.url())
	if err != nil {
		return 0, 0, err
	}
	messages, n := map[string][]channels.Message{}, 0
	flush := func() error {
		runtime.GC()
		cpuBefore, begun := cpu(), time.Now()
		err := x.send(ctx, messages)
		wall += time.Since(begun)
		if err == nil {
			err = x.settle(ctx)
		}
		cpuTime += cpu() - cpuBefore
		clear(messages)
		n = 0
		return err
	}
	for r := range b.customers() {
		channel, m, err := w.message(&r)
		if err != nil {
			return 0, 0, err
		}
		messages[channel] = append(messages[channel], m)
		if n++; n == portion {
			if err := flush(); err != nil {
				return 0, 0, err
			}
		}
	}
	return cpuTime, wall, flush()
}

// portion bounds the messages that are ready at once, and with them the memory they take.
const portion = 5_000

// writer writes the messages that Tocsin would send.
type writer struct {
	update   incident.Update
	renderer *templates.Renderer
	rules    plan.Rules
	contents map[string]notification.Content // by kind and locale
	signer   *notification.Signer
	callback string
	sequence int64
}

func newWriter(b *bench, u incident.Update, callback string) (*writer, error) {
	zone, err := time.LoadLocation(b.config.Zone)
	if err != nil {
		return nil, err
	}
	r, err := templates.New(templates.Options{Catalogue: templates.Catalogue{
		Organisation: incident.Text(b.config.Organisation), DefaultLocale: b.config.Locale, Location: zone,
	}})
	if err != nil {
		return nil, err
	}
	w := &writer{
		update: u, renderer: r, rules: plan.Rules{Locales: r.Locales()}, contents: map[string]notification.Content{},
		signer: notification.NewSigner([]byte("bare clients sign nothing that counts")), callback: callback,
	}
	for _, a := range b.Adapters {
		w.rules.Channels = append(w.rules.Channels, plan.Channel{Name: a.Spec.Channel, Kind: a.Spec.Kind})
	}
	return w, nil
}

func (w *writer) message(r *audience.Recipient) (channel string, m channels.Message, err error) {
	d := w.rules.For(r, plan.Case{})
	kind, _ := w.rules.Kind(d.Steps[0].Channel)
	key := string(kind) + d.Locale
	c, ok := w.contents[key]
	if !ok {
		if c, err = w.renderer.Render(w.update, kind, d.Locale); err != nil {
			return "", m, err
		}
		w.contents[key] = c
	}
	w.sequence++
	ref := w.signer.Ref(notification.ID{Notification: w.sequence})
	m, err = message(&c, r, d, ref)
	m.Callback = w.callback + "/" + ref
	return d.Steps[0].Channel, m, err
}

func message(c *notification.Content, r *audience.Recipient, d plan.Decision, ref string) (m channels.Message, err error) {
	values := templates.Values(c, r)
	m = channels.Message{Ref: ref, Address: r.Address(d.Steps[0].Channel), Locale: d.Locale}
	if m.Text, err = c.Text.Expand(values); err != nil {
		return m, err
	}
	if m.Subject, err = c.Subject.Expand(values); err != nil {
		return m, err
	}
	m.HTML, err = c.HTML.Expand(values)
	return m, err
}

// send gives all messages to the providers, as many at once as a lane would.
func (x *bare) send(ctx context.Context, messages map[string][]channels.Message) error {
	var wg sync.WaitGroup
	var failures atomic.Int64
	for channel, list := range messages {
		var next atomic.Int64
		for range concurrency {
			wg.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(list); i = next.Add(1) - 1 {
					if _, err := x.senders[channel].Send(ctx, list[i]); err != nil {
						failures.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	if n := failures.Load(); n > 0 {
		return fmt.Errorf("bench: %d bare sends failed", n)
	}
	return nil
}

// registerWebhooks tells the providers that call one address which one it is now.
func (x *bare) registerWebhooks(ctx context.Context, url func(a Adapter) string, adapters []Adapter) error {
	for _, a := range adapters {
		if r, ok := x.senders[a.Spec.Channel].(channels.WebhookRegistrar); ok {
			if err := r.RegisterWebhook(ctx, url(a)); err != nil {
				return fmt.Errorf("bench: %s: %w", a.Spec.Provider, err)
			}
		}
	}
	return nil
}

// settle waits until no more receipts come, where any do.
func (x *bare) settle(ctx context.Context) error {
	if !x.hears {
		return nil
	}
	for last := int64(-1); ; {
		n := x.receipts.Load()
		if n == last {
			return nil
		}
		last = n
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
