package httpapi

import (
	"context"
	"net/http"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// What recipients say becomes consent before the provider is answered: it is in the ledger or the answer
// is 503, so that the provider says it again. It goes there directly, not by way of a stream: addresses
// and what people write stay out of NATS, and a wish holds from the moment it is committed. Saying the
// same twice changes nothing.

// Consents is what the http role needs of the ledger to hear customers.
type Consents interface {
	SetConsent(ctx context.Context, c ledger.Consent) (ledger.ConsentReport, error)
	CustomersAt(ctx context.Context, channel, address string) ([]audience.Recipient, error)
	// Notifications say whose a link or a reference is.
	Notifications(ctx context.Context, ids []int64) ([]notification.Notification, error)
}

// hear heeds what recipients have said in one call.
func (s *Server) hear(ctx context.Context, rc *receiver, said []channels.Inbound) error {
	for i := range said {
		wish := said[i].Understood()
		s.Metrics.inbound(rc.Channel, wish)
		if wish != channels.OptOut && wish != channels.OptIn {
			continue
		}
		c := ledger.Consent{Channel: rc.Channel, On: wish == channels.OptIn, Source: audience.ByReply, At: s.Clock.Now()}
		if said[i].Wish != channels.NoWish {
			c.Source = audience.ByProvider
		}
		known, err := s.speaker(ctx, &said[i], &c)
		if err == nil && known {
			err = s.note(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// speaker completes c with who spoke: whoever an attempt of ours was for, or has the address. It reports
// false where that can be nobody.
func (s *Server) speaker(ctx context.Context, said *channels.Inbound, c *ledger.Consent) (known bool, err error) {
	if said.Ref == "" {
		c.Address, known = s.Checker.Address(c.Channel, said.Address)
		return known, nil
	}
	id, err := s.Signer.Verify(said.Ref)
	if err != nil {
		return false, nil //nolint:nilerr // somebody made it up: there is nothing to be heeded
	}
	n, channel, err := s.attemptOf(ctx, id)
	if err != nil || n == nil {
		return false, err
	}
	c.Number, c.Channel = n.Recipient, channel
	return true, nil
}

// attemptOf returns the notification that an attempt is of, and the attempt's channel; nil if it is not
// kept any more.
func (s *Server) attemptOf(ctx context.Context, id notification.ID) (n *notification.Notification, channel string, err error) {
	ns, err := s.Ledger.Notifications(ctx, []int64{id.Notification})
	if err != nil {
		return nil, "", fromLedger(err, "notification")
	}
	if len(ns) == 0 || int(id.Step) >= len(ns[0].Steps) {
		return nil, "", nil
	}
	return &ns[0], ns[0].Steps[id.Step].Channel, nil
}

// note keeps a customer's word.
func (s *Server) note(ctx context.Context, c ledger.Consent) error {
	r, err := s.Ledger.SetConsent(ctx, c)
	if err != nil {
		return fromLedger(err, "customer")
	}
	s.Metrics.consent(&c, r.Changed)
	s.Log.InfoContext(ctx, "consent", "channel", c.Channel, "given", c.On, "source", string(c.Source), "customers", r.Customers, "changed", r.Changed)
	return nil
}

// reply answers a call that brought what somebody wrote: with words for them, where the provider passes
// those on and has not said anything itself, and only to customers. Everybody else is answered nothing:
// two machines must not begin to talk.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, rc *receiver, said []channels.Inbound) error {
	text, err := s.replyTo(r.Context(), rc, said)
	if err != nil {
		return err
	}
	replier, ok := rc.Parser.(channels.Replier)
	if !ok || text == "" {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	contentType, body := replier.Reply(said[0], text)
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	return write(w, body)
}

// replyTo returns what is to be said to what was said in one call, "" if nothing.
func (s *Server) replyTo(ctx context.Context, rc *receiver, said []channels.Inbound) (string, error) {
	if len(said) != 1 || said[0].Wish != channels.NoWish || said[0].Understood() == channels.NoWish {
		return "", nil
	}
	address, ok := s.Checker.Address(rc.Channel, said[0].Address)
	if !ok {
		return "", nil
	}
	customers, err := s.Ledger.CustomersAt(ctx, rc.Channel, address)
	if err != nil || len(customers) == 0 {
		return "", fromLedger(err, "customer")
	}
	return s.replyText(said[0].Understood(), customers[0].Locale), nil
}
