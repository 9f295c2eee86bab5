package inbox_test

import (
	"database/sql"
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/inbox"
)

func (h *house) recall(m channels.Message, ack channels.Ack) {
	h.t.Helper()
	if err := h.sender.(channels.Recaller).Recall(h.t.Context(), channels.Sent{Ref: m.Ref, Address: m.Address, ProviderID: ack.ID}); err != nil {
		h.t.Fatalf("Recall: %v", err)
	}
}

// TestWithdrawn: a notice that is recalled is gone from the inbox, alone, and doesn't come again.
func TestWithdrawn(t *testing.T) {
	h := newHouse(t, file(t), nil)
	first, second := h.send(h.message(1)), h.send(h.message(2))
	for range 2 {
		h.recall(h.message(1), first)
	}
	if again := h.send(h.message(1)); again != first {
		t.Errorf("Ack %+v of the message again, want %+v", again, first)
	}
	if all := h.inbox("customer-1"); len(all) != 1 || all[0].ID != second.ID {
		t.Errorf("inbox %+v, want the second notice only", all)
	}
	stray := h.message(3) // it has the second's id from another inbox
	h.recall(stray, second)
	if all := h.inbox("customer-1"); len(all) != 1 {
		t.Errorf("inbox %+v, want the second notice still there", all)
	}
}

// TestWithdrawnAfterItWasSeen: what became of a notice before is reported, also when the app says so late.
func TestWithdrawnAfterItWasSeen(t *testing.T) {
	h := newHouse(t, file(t), nil)
	ack := h.send(h.message(1))
	h.inbox("customer-1")
	h.recall(h.message(1), ack)
	if r := h.receipt(); r.Ref != "attempt-1" || r.State != channels.ReceiptDelivered {
		t.Errorf("receipt %+v, want it delivered", r)
	}
	h.do(h.request(http.MethodPost, "/v1/shown", "customer-1", `{"ids":["`+ack.ID+`"]}`), http.StatusNoContent)
	if r := h.receipt(); r.Ref != "attempt-1" || r.State != channels.ReceiptRead {
		t.Errorf("receipt %+v, want it read", r)
	}
}

// TestWithdrawnBeforeItWasSeen: nothing is reported of a notice that nobody got.
func TestWithdrawnBeforeItWasSeen(t *testing.T) {
	h := newHouse(t, file(t), nil)
	h.recall(h.message(1), h.send(h.message(1)))
	h.send(h.message(2))
	h.inbox("customer-1")
	if r := h.receipt(); r.Ref != "attempt-2" {
		t.Errorf("receipt %+v, want one of the other notice", r)
	}
	if len(h.receipts) != 0 {
		t.Error("more is reported than happened")
	}
}

// TestStreamsTellWithdrawals: an open stream is told at once and once, and one that comes again, when it does.
func TestStreamsTellWithdrawals(t *testing.T) {
	h := newHouse(t, file(t), nil)
	unseen, first := h.send(h.message(0)), h.send(h.message(1))
	h.recall(h.message(0), unseen)
	next, hangUp := h.listen("customer-1", "")
	defer func() { hangUp() }()
	if id, _ := next(); id != first.ID {
		t.Fatalf("event %s, want %s", id, first.ID)
	}
	if _, data := next(); data != `{"id":"`+unseen.ID+`"}` { // before the newest that it has, so it might have had it
		t.Errorf("event %s, want that %s is withdrawn", data, unseen.ID)
	}
	h.recall(h.message(1), first)
	if id, data := next(); id != "" || data != `{"id":"`+first.ID+`"}` {
		t.Errorf("event %q %s, want that %s is withdrawn, without an id of its own", id, data, first.ID)
	}
	second := h.send(h.message(2))
	if id, _ := next(); id != second.ID {
		t.Errorf("event %s, want %s: a withdrawal is told once", id, second.ID)
	}
	hangUp()
	h.recall(h.message(2), second)
	third := h.send(h.message(3))
	next, hangUp = h.listen("customer-1", second.ID)
	if id, _ := next(); id != third.ID {
		t.Errorf("event %s, want %s", id, third.ID)
	}
	var gone []string
	for range 3 {
		_, data := next()
		gone = append(gone, data)
	}
	if got := strings.Join(gone, " "); !strings.Contains(got, `{"id":"`+second.ID+`"}`) {
		t.Errorf("withdrawn are %s, want %s among them", got, second.ID)
	}
}

// TestWithdrawnTakesNoRoom: what is withdrawn doesn't push out what is valid.
func TestWithdrawnTakesNoRoom(t *testing.T) {
	h := newHouse(t, file(t), func(o *inbox.Options) { o.PerCustomer = 2 })
	kept := h.send(h.message(1))
	for n := 2; n < 6; n++ {
		h.recall(h.message(n), h.send(h.message(n)))
	}
	second := h.send(h.message(6))
	if all := h.inbox("customer-1"); len(all) != 2 || all[0].ID != kept.ID || all[1].ID != second.ID {
		t.Errorf("inbox %+v, want the two that are valid", all)
	}
}

// TestOlderFile: a file of the first version, which knew no withdrawals, goes on; one of a version to come is refused.
func TestOlderFile(t *testing.T) {
	path := file(t)
	h := newHouse(t, path, nil)
	ack := h.send(h.message(1))
	h.stop()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	change := func(query string) {
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	change(`ALTER TABLE notices DROP COLUMN withdrawn; PRAGMA user_version = 1`)
	h = newHouse(t, path, nil)
	if all := h.inbox("customer-1"); len(all) != 1 || all[0].ID != ack.ID {
		t.Errorf("inbox %+v, want what was there", all)
	}
	h.recall(h.message(1), ack)
	if all := h.inbox("customer-1"); len(all) != 0 {
		t.Errorf("inbox %+v, want nothing", all)
	}
	h.stop()
	change(`PRAGMA user_version = 99`)
	if _, err := inbox.New(t.Context(), inbox.Options{Path: path, Key: key, Secret: secret}); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("error %v, want one that says the version", err)
	}
}
