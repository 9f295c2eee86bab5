package ledgertest

import (
	"fmt"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func directoryRoundTrip(w *world) {
	full, bare := person(1), audience.Recipient{ID: "bare", Locale: "en"}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{full, bare}))
	for _, want := range []audience.Recipient{full, bare} {
		got, err := w.Recipient(w.ctx, want.ID)
		w.must(err)
		w.equal("recipient "+want.ID, got, want)
	}
	_, err := w.Recipient(w.ctx, "nobody")
	w.wantErr(err, ledger.ErrNotFound)
	w.must(w.PutRecipients(w.ctx, nil))
	w.must(w.Ping(w.ctx))
}

func directoryReplaces(w *world) {
	w.people(3)
	changed := person(2)
	changed.Name, changed.Addresses, changed.Consents = "Other", changed.Addresses[:1], nil
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{changed, person(4)}))
	got, err := w.RecipientsAfter(w.ctx, 0, 100, 100, nil)
	w.must(err)
	want := []audience.Recipient{person(1), changed, person(3), person(4)}
	if len(got) != len(want) {
		w.Fatalf("%d recipients, want %d", len(got), len(want))
	}
	last := int64(0)
	for i := range want {
		w.equal("recipient", got[i].Recipient, want[i])
		if got[i].Number <= last {
			w.Errorf("number %d follows %d", got[i].Number, last)
		}
		last = got[i].Number
	}
}

func directoryPages(w *world) {
	w.people(10)
	ids := func(after, until int64, limit int, only []string) string {
		rs, err := w.RecipientsAfter(w.ctx, after, until, limit, only)
		w.must(err)
		s := ""
		for _, r := range rs {
			s += fmt.Sprint(r.Number, " ")
		}
		return s
	}
	for _, tt := range []struct {
		after, until int64
		limit        int
		only         []string
		want         string
	}{
		{0, 10, 4, nil, "1 2 3 4 "},
		{4, 10, 4, nil, "5 6 7 8 "},
		{8, 10, 4, nil, "9 10 "},
		{10, 10, 4, nil, ""},
		{0, 3, 10, nil, "1 2 3 "},
		{0, 10, 10, []string{"c-009", "c-002", "nobody", "c-005", "c-002"}, "2 5 9 "},
		{2, 10, 1, []string{"c-009", "c-002", "c-005"}, "5 "},
		{0, 4, 10, []string{"c-009", "c-002"}, "2 "},
		{0, 10, 10, []string{"nobody"}, ""},
	} {
		if got := ids(tt.after, tt.until, tt.limit, tt.only); got != tt.want {
			w.Errorf("after %d until %d limit %d of %v: %q, want %q", tt.after, tt.until, tt.limit, tt.only, got, tt.want)
		}
	}
}

func directoryByNumber(w *world) {
	w.people(5)
	w.must(w.DeleteRecipient(w.ctx, "c-003"))
	rs, err := w.RecipientsByNumber(w.ctx, []int64{5, 3, 1, 77})
	w.must(err)
	if len(rs) != 2 || rs[0].Number != 1 || rs[1].Number != 5 {
		w.Errorf("got %v, want numbers 1 and 5", rs)
	}
	if rs, err = w.RecipientsByNumber(w.ctx, nil); err != nil || len(rs) != 0 {
		w.Errorf("nobody asked for: %v, %v", rs, err)
	}
}

func deleteRecipient(w *world) {
	w.people(3)
	w.must(w.DeleteRecipient(w.ctx, "c-002"))
	_, err := w.Recipient(w.ctx, "c-002")
	w.wantErr(err, ledger.ErrNotFound)
	w.wantErr(w.DeleteRecipient(w.ctx, "c-002"), ledger.ErrNotFound)
	w.wantErr(w.DeleteRecipient(w.ctx, "nobody"), ledger.ErrNotFound)
	count, err := w.CountRecipients(w.ctx)
	w.must(err)
	if count != 2 {
		w.Errorf("%d recipients after the deletion, want 2", count)
	}
	for r, err := range w.Recipients(w.ctx) {
		w.must(err)
		if r.ID == "c-002" {
			w.Error("the deleted recipient is exported")
		}
	}
	// Imported again, they are the same person to past notifications.
	again := person(2)
	again.Name = ""
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{again}))
	rs, err := w.RecipientsByNumber(w.ctx, []int64{2})
	w.must(err)
	if len(rs) != 1 {
		w.Fatalf("number 2 is %v after a new import", rs)
	}
	w.equal("recipient imported again", rs[0].Recipient, again)
}

func accounts(w *world) {
	w.people(2)
	account := audience.Recipient{ID: audience.AccountPrefix + "mastodon", Locale: "en", Addresses: audience.Addresses{{Channel: "mastodon", Address: "@bank"}}}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{account, person(3)}))
	count, err := w.CountRecipients(w.ctx)
	w.must(err)
	var ids []string
	for r, err := range w.Recipients(w.ctx) {
		w.must(err)
		ids = append(ids, r.ID)
	}
	w.equal("exported ids, in order", ids, []string{"c-001", "c-002", "c-003"})
	if count != 3 {
		w.Errorf("%d customers counted, want 3", count)
	}
	for r, err := range w.Recipients(w.ctx) {
		w.must(err)
		if r.ID != "c-001" {
			w.Fatalf("the first is %s", r.ID)
		}
		break // must not leak the query
	}
	w.must(w.PutRecipients(w.ctx, []audience.Recipient{person(4)}))
}

func imports(w *world) {
	at, err := w.Imported(w.ctx)
	w.must(err)
	if !at.IsZero() {
		w.Errorf("an empty ledger was last imported to at %v", at)
	}
	first, second := time.UnixMilli(1_790_000_000_000), time.UnixMilli(1_790_000_000_001)
	for _, noted := range []time.Time{first, second, first} { // two that end in another order than they are noted
		w.must(w.NoteImport(w.ctx, noted))
	}
	at, err = w.Imported(w.ctx)
	w.must(err)
	w.equal("last import", at.UnixMilli(), second.UnixMilli())
}
