package app

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// trialAsks is how often a provider that can be asked is, where no server hears its receipts.
const trialAsks = 2 * time.Second

// following is a trial that is under way.
type following struct {
	*Trial
	begun    time.Time
	heard    chan bus.Receipt // nil where nobody hears receipts
	watching sync.WaitGroup
	best     channels.Proof
	failed   bool
}

// follow begins to watch receipts, if they can be: before the message is sent, since some overtake the
// answer. It says how the trial is followed.
func (t *Trial) follow(ctx context.Context) *following {
	f := &following{Trial: t, begun: time.Now()}
	if _, calls := t.account.sender.(channels.CallbackParser); !calls || !t.account.spec.GivesReceipts() {
		return f // the answer is the last word, or what comes later doesn't come by webhook
	}
	why := ""
	switch {
	case t.Config.HTTP.PublicURL == "":
		why = "http.public_url is not set"
	case t.running.HTTP == "":
		why = "no server runs on this data directory"
	default:
		why = f.watch(ctx)
	}
	if why != "" {
		f.say("note", "receipts are not heard: "+why)
	}
	return f
}

// watch has the running server tell of receipts, and returns why it can't, "" if it does.
func (f *following) watch(ctx context.Context) (why string) {
	api := httpapi.NewClient(f.running.HTTP, f.running.Token)
	heard, ready, failed := make(chan bus.Receipt), make(chan struct{}), make(chan error, 1)
	f.watching.Go(func() {
		defer api.Close()
		failed <- api.WatchReceipts(ctx, f.Channel, f.account.Name, func() { close(ready) }, func(r bus.Receipt) {
			select {
			case heard <- r:
			case <-ctx.Done():
			}
		})
	})
	select {
	case err := <-failed:
		return err.Error()
	case <-ready:
		f.heard = heard
		base := strings.TrimSuffix(f.Config.HTTP.PublicURL, "/") + "/v1/receipts/" + f.Channel + "/" + f.account.Name
		f.message.Callback = base + "/" + f.message.Ref
		return ""
	}
}

func (f *following) say(what, detail string) {
	if detail == what { // a code that only repeats it
		detail = ""
	}
	if f.Say != nil {
		f.Say(TrialState{After: time.Since(f.begun), What: what, Detail: detail})
	}
}

// accepted notes the provider's answer.
func (f *following) accepted(ack channels.Ack) {
	detail := "by " + f.account.Name
	if ack.ID != "" {
		detail += ", which calls it " + ack.ID
	}
	f.say(string(channels.ReceiptAccepted), detail)
	f.best = channels.Accepted
	if ack.Proof > channels.Accepted {
		f.best = ack.Proof
		f.say(ack.Proof.String(), "as the answer says")
	}
}

// end waits until the trial has ended one way or the other.
func (f *following) end(ctx context.Context, ack channels.Ack) TrialEnd {
	ask, asking := f.asking(ack)
	if f.heard == nil && !asking {
		if v := f.verdict(); v != TrialUnheard {
			return v
		}
		return TrialUnfollowed
	}
	over := time.NewTimer(f.Wait)
	defer over.Stop()
	tick := time.NewTicker(trialAsks)
	defer tick.Stop()
	for !f.done() {
		select {
		case r := <-f.heard:
			if r.Notification == f.id.Notification || r.ProviderID != "" && r.ProviderID == ack.ID {
				f.receipt(r.State, r.Code)
			}
		case <-tick.C:
			if asking {
				f.receipt(ask(ctx))
			}
		case <-over.C:
			return f.verdict()
		case <-ctx.Done():
			return f.verdict()
		}
	}
	return f.verdict()
}

// asking returns how the provider is asked what became of the message, where nobody hears its receipts.
func (f *following) asking(ack channels.Ack) (ask func(context.Context) (channels.ReceiptState, string), ok bool) {
	inquirer, ok := f.account.sender.(channels.Inquirer)
	if !ok || ack.ID == "" || f.heard != nil {
		return nil, false
	}
	f.say("note", "the provider is asked every "+trialAsks.String())
	return func(ctx context.Context) (channels.ReceiptState, string) {
		bounded, cancel := context.WithTimeout(ctx, f.account.limits.Timeout)
		defer cancel()
		r, err := inquirer.Inquire(bounded, channels.Inquiry{Ref: f.message.Ref, ProviderID: ack.ID})
		if err != nil {
			return channels.ReceiptAccepted, "" // asked again
		}
		return r.State, r.Code
	}, true
}

// receipt notes what the provider says, if that is news.
func (f *following) receipt(s channels.ReceiptState, code string) {
	proof := channels.NoProof
	switch s {
	case channels.ReceiptAccepted:
		proof = channels.Accepted
	case channels.ReceiptDelivered:
		proof = channels.Delivered
	case channels.ReceiptRead:
		proof = channels.Read
	case channels.ReceiptFailed, channels.ReceiptAbsent:
		f.failed = true
		f.say(string(channels.ReceiptFailed), code)
		return
	}
	if proof > f.best {
		f.best = proof
		f.say(string(s), code)
	}
}

// done reports whether nothing more is waited for.
func (f *following) done() bool {
	wanted := channels.Delivered
	if last := f.account.spec.Proofs; f.UntilRead && len(last) > 0 {
		wanted = max(wanted, last[len(last)-1])
	}
	return f.failed || f.best >= wanted
}

// verdict says how the trial has ended, by what is known now.
func (f *following) verdict() TrialEnd {
	silent := f.account.spec.Silence == channels.SilenceIsPresumed
	switch {
	case f.failed:
		return TrialFailed
	case f.best >= channels.Delivered || f.best == channels.Accepted && silent:
		return TrialArrived
	}
	return TrialUnheard
}
