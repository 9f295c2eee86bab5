package httpapi

import (
	"context"
	"net/http"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// What recipients say becomes consent before the provider is answered: it is in the ledger or the answer
// is 503, so that the provider says it again. It goes there directly, not by way of a stream: addresses
// and what people write stay out of NATS, and a wish holds from the moment it is committed. Saying the
// same twice changes nothing.

// Consents is what the http role needs of the ledger to hear customers.
type Consents interface {
	SetConsent(ctx context.Context, c ledger.Consent) (ledger.ConsentReport, error)
	CustomersAt(ctx context.Context, channel, address string) ([]audience.Recipient, error)
}

// hear heeds what recipients have said in one call.
func (s *Server) hear(ctx context.Context, rc *receiver, said []channels.Inbound) error {
	for i := range said {
		wish := said[i].Understood()
		s.Metrics.inbound(rc.Channel, wish)
		if wish != channels.OptOut && wish != channels.OptIn {
			continue
		}
		address, ok := s.Checker.Address(rc.Channel, said[i].Address)
		if !ok {
			continue // nobody in the directory can have it
		}
		c := ledger.Consent{Channel: rc.Channel, Address: address, On: wish == channels.OptIn, Source: audience.ByReply, At: s.Clock.Now()}
		if said[i].Wish != channels.NoWish {
			c.Source = audience.ByProvider
		}
		if err := s.note(ctx, c); err != nil {
			return err
		}
	}
	return nil
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
	replier, ok := rc.Parser.(channels.Replier)
	if !ok || len(said) != 1 || said[0].Wish != channels.NoWish || said[0].Understood() == channels.NoWish {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	address, _ := s.Checker.Address(rc.Channel, said[0].Address)
	customers, err := s.Ledger.CustomersAt(r.Context(), rc.Channel, address)
	if err != nil {
		return fromLedger(err, "customer")
	}
	if len(customers) == 0 {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	contentType, body := replier.Reply(said[0], s.replyText(said[0].Understood(), customers[0].Locale))
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	return write(w, body)
}
