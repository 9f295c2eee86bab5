package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// publicURL judges http.public_url by what it says alone.
func (x *checkup) publicURL() []doctor.Finding {
	raw := x.Config.HTTP.PublicURL
	if raw == "" {
		return doctor.Found(doctor.Warning, "set http.public_url to where providers reach this installation",
			"not set: providers can't report deliveries")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return doctor.Found(doctor.Fault, "write it as https://host, with a path at most", "http.public_url is no URL")
	case local(u.Hostname()):
		return doctor.Found(doctor.Warning, "put a name there that the provider can reach", "%s is reached from this machine or network only", u.Host)
	case u.Scheme == "http":
		return doctor.Found(doctor.Warning, "put a proxy with a certificate before it, and write https",
			"%s is not encrypted: most providers call https only, and others can read receipts on their way", u.Host)
	}
	return doctor.Found(doctor.OK, "", "%s", raw)
}

// local reports whether a host can be meant for this machine or network only.
func local(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal")
}

// webhook looks whether a provider's receipts come to us: whether we answer at the public URL, whether
// what nobody signed is refused, and whether the provider knows the URL.
func (x *checkup) webhook(channel string, p *account) doctor.Check {
	if _, ok := p.sender.(channels.CallbackParser); !ok {
		return said(channel, "webhook") // this provider calls none
	}
	if x.Config.HTTP.PublicURL == "" {
		return said(channel, "webhook", withoutWebhook(p))
	}
	base := strings.TrimSuffix(x.Config.HTTP.PublicURL, "/") + "/v1/receipts/" + channel + "/" + p.Name
	return doctor.Check{Group: channel, Subject: p.Name, About: "webhook", Look: func(ctx context.Context) []doctor.Finding {
		found := x.challenged(ctx, base)
		if inspector, ok := p.sender.(channels.WebhookInspector); ok {
			found = append(found, x.registered(ctx, inspector, base)...)
		}
		return found
	}}
}

// withoutWebhook says what it means for a provider that it can't report.
func withoutWebhook(p *account) doctor.Finding {
	f := doctor.Finding{Subject: p.Name, Level: doctor.Fault, Mend: "set http.public_url to where the provider reaches this installation"}
	switch {
	case p.spec.Silence == channels.SilenceIsPresumed || !p.spec.GivesReceipts():
		f.Level, f.Text = doctor.Warning, "http.public_url is not set: what it reports is not heard"
	case p.spec.InquireAfter > 0:
		f.Level, f.Text = doctor.Warning, "http.public_url is not set: deliveries are learnt by asking only, which is slow"
	default:
		f.Text = "http.public_url is not set: no delivery is heard of, so every message counts as failed and the next channel is tried"
	}
	return f
}

// challenged calls the webhook as somebody outside would.
func (x *checkup) challenged(ctx context.Context, webhook string) []doctor.Finding {
	if x.signer == nil {
		return doctor.Found(doctor.Unchecked, "start the server once, and look again", "the installation has no key yet, so its answer can't be told from another's")
	}
	client := httpClient(1)
	defer client.CloseIdleConnections()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	watch := doctor.NewWatch(client.Transport, time.Now)
	client.Transport = watch
	status, err := httpapi.Challenge(ctx, client, webhook, x.signer)
	return append([]doctor.Finding{x.answered(webhook, status, err)}, watch.Certificate()...)
}

// answered judges what came of the call.
func (x *checkup) answered(webhook string, status int, err error) doctor.Finding {
	switch {
	case err == nil:
		return doctor.Finding{Text: fmt.Sprintf("this installation answers at %s, and refuses what is not signed", webhook)}
	case errors.Is(err, httpapi.ErrUnsignedTaken):
		return doctor.Finding{
			Level: doctor.Warning, Text: fmt.Sprintf("%s is answered by this installation, and takes calls that are not signed", webhook),
			Mend: "set the provider's secret, if it has one",
		}
	}
	return x.unanswered(webhook, status, err)
}

// unanswered says what it means that we did not answer at the public URL: without a server, not much.
func (x *checkup) unanswered(webhook string, status int, err error) doctor.Finding {
	f := doctor.Finding{Level: doctor.Fault, Text: fmt.Sprintf("%s is not answered by this installation: %v", webhook, err)}
	if status > 0 {
		f.Text += fmt.Sprintf(" (status %d)", status)
	}
	f.Mend = "look where the name leads (DNS), at the proxy's certificate and where it sends /v1/receipts, and at http.public_url; all processes need the same key"
	if status == http.StatusNotFound {
		f.Mend = "let the proxy send /v1/receipts to http.listen, and restart the server if this provider is new"
	}
	if !x.serving {
		f.Level, f.Mend = doctor.Warning, "no server runs on this data directory: if one should be running, start it, and look again"
	}
	return f
}

// registered asks the provider where it sends what it has to say.
func (x *checkup) registered(ctx context.Context, p channels.WebhookInspector, webhook string) []doctor.Finding {
	u, err := p.RegisteredWebhook(ctx)
	switch {
	case err != nil:
		return doctor.Found(doctor.Unchecked, "", "the provider does not say where it reports to: %v", channels.AsError(err))
	case u == webhook:
		return doctor.Found(doctor.OK, "", "it is registered at the provider")
	}
	f := doctor.Finding{Level: doctor.Fault, Mend: "a server registers it when it starts: see its log; another installation may use the same account", Text: "it is not registered at the provider"}
	if u != "" {
		f.Text = "the provider reports to another address than ours: " + hostAlone(u)
	}
	if !x.serving {
		f.Level, f.Mend = doctor.Warning, "a server registers it when it starts"
	}
	return []doctor.Finding{f}
}

// hostAlone is the host of a URL, whose path may hold a secret of somebody's.
func hostAlone(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return "one that can't be read"
}
