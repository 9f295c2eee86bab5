package fallback

import (
	"context"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// resolve finds the attempts of receipts that name only the provider's id. Such a receipt may come
// before the lane has told the id: it is then kept until the id is known.
func (f *fold) resolve(ctx context.Context) error {
	ids := f.newIDs()
	for channel, known := range ids {
		if err := f.claimEarly(ctx, channel, known); err != nil {
			return err
		}
	}
	for channel, receipts := range f.byID {
		if err := f.resolveChannel(ctx, channel, receipts, ids[channel]); err != nil {
			return err
		}
	}
	return nil
}

// newIDs gathers the provider ids that this fold's results bring, by channel, where receipts will
// name nothing else.
func (f *fold) newIDs() map[string]map[string]notification.ID {
	ids := map[string]map[string]notification.ID{}
	for _, p := range f.out.ProviderIDs {
		if ids[p.Channel] == nil {
			ids[p.Channel] = map[string]notification.ID{}
		}
		ids[p.Channel][p.ProviderID] = p.Attempt
	}
	return ids
}

func (f *fold) claimEarly(ctx context.Context, channel string, known map[string]notification.ID) error {
	list := make([]string, 0, len(known))
	for id := range known {
		list = append(list, id)
	}
	early, err := f.e.Ledger.EarlyReceipts(ctx, channel, list)
	if err != nil {
		return err
	}
	for _, r := range early {
		f.add(receiptEvent(known[r.ProviderID], r.State, r.Code, f.e.providerOf(channel, r.ProviderID)))
		f.out.Claimed = append(f.out.Claimed, r.ID)
	}
	return nil
}

func (f *fold) resolveChannel(ctx context.Context, channel string, receipts []bus.Receipt, known map[string]notification.ID) error {
	attempts, err := f.storedIDs(ctx, channel, receipts, known)
	if err != nil {
		return err
	}
	for _, r := range receipts {
		id, ok := known[r.ProviderID]
		if !ok {
			id, ok = attempts[r.ProviderID]
		}
		switch {
		case ok:
			ev := receiptEvent(id, r.State, r.Code, f.e.providerOf(channel, r.ProviderID))
			ev.Class = receiptClass(&r)
			f.add(ev)
		case r.State != channels.ReceiptAccepted: // which would tell nothing new
			f.out.Early = append(f.out.Early, ledger.EarlyReceipt{
				Channel: channel, ProviderID: r.ProviderID, State: r.State, Code: r.Code, At: f.now,
			})
		}
	}
	return nil
}

func (f *fold) storedIDs(ctx context.Context, channel string, receipts []bus.Receipt, known map[string]notification.ID) (map[string]notification.ID, error) {
	var list []string
	for _, r := range receipts {
		if _, ok := known[r.ProviderID]; !ok {
			list = append(list, r.ProviderID)
		}
	}
	found := map[string]notification.ID{}
	if len(list) == 0 {
		return found, nil
	}
	attempts, err := f.e.Ledger.AttemptsByProviderID(ctx, channel, list)
	for _, a := range attempts {
		found[a.ProviderID] = a.Attempt
	}
	return found, err
}
