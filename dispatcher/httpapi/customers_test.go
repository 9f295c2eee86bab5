package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func TestCustomersThereAndBack(t *testing.T) {
	st := newStage(t)
	ctx := t.Context()
	file := "id,name,locale,phone,email,consents\nc-1,Ana,ro,+37369123456,,sms\nc/2 ?,Ion,,,ion@example.org,email;sms\n"
	sum, err := st.admin.ImportCustomers(ctx, strings.NewReader(file), audience.CSV, nil, nil)
	if err != nil || sum.Imported != 2 {
		t.Fatalf("import %+v, %v", sum, err)
	}
	if n, err := st.admin.CountCustomers(ctx); n != 2 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
	for _, format := range []audience.Format{audience.CSV, audience.JSONL} {
		st.checkRoundTrip(t, format)
	}
	one, err := st.admin.Customer(ctx, "c/2 ?")
	if err != nil || one.Name != "Ion" || one.Address("email") != "ion@example.org" {
		t.Errorf("customer %+v, %v", one, err)
	}
	if err := st.admin.DeleteCustomer(ctx, "c/2 ?"); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"c/2 ?", "..", "account:x"} {
		if _, err := st.admin.Customer(ctx, id); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("customer %q: %v", id, err)
		}
		if err := st.admin.DeleteCustomer(ctx, id); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("deleting %q: %v", id, err)
		}
	}
}

// checkRoundTrip exports the directory, imports it elsewhere and compares.
func (st *stage) checkRoundTrip(t *testing.T, format audience.Format) {
	t.Helper()
	var file, again bytes.Buffer
	if err := st.admin.ExportCustomers(t.Context(), &file, format); err != nil {
		t.Fatal(err)
	}
	other := newStage(t)
	if _, err := other.admin.ImportCustomers(t.Context(), bytes.NewReader(file.Bytes()), format, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := other.admin.ExportCustomers(t.Context(), &again, format); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file.String(), again.String()); diff != "" || file.Len() == 0 {
		t.Errorf("%s: %s", format, diff)
	}
}

// TestAccountsAreNoCustomers: what the configuration put into the directory is not the API's.
func TestAccountsAreNoCustomers(t *testing.T) {
	st := newStage(t)
	account := audience.Recipient{ID: "account:status", Locale: "en"}
	if err := st.ledger.PutRecipients(t.Context(), []audience.Recipient{account}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.admin.Customer(t.Context(), account.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("read: %v", err)
	}
	if err := st.admin.DeleteCustomer(t.Context(), account.ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestImportTellsAsItGoes(t *testing.T) {
	st := newStage(t)
	var file strings.Builder
	for i := range 2500 {
		locale := "en"
		if i%1000 == 7 {
			locale = "nowhere!"
		}
		fmt.Fprintf(&file, `{"id":"c-%d","locale":%q,"addresses":{}}`+"\n", i, locale)
	}
	var rejects bytes.Buffer
	var lines []int
	progress := func(read int64, n int) {
		if read == 0 {
			t.Error("no bytes read")
		}
		lines = append(lines, n)
	}
	sum, err := st.admin.ImportCustomers(t.Context(), strings.NewReader(file.String()), audience.JSONL, progress, &rejects)
	if err != nil || sum.Lines != 2500 || sum.Imported != 2497 || sum.Rejected != 3 || sum.Reasons["locale is not a BCP 47 language tag"] != 3 {
		t.Errorf("summary %+v, %v", sum, err)
	}
	if diff := cmp.Diff([]int{1000, 2000, 2500}, lines); diff != "" {
		t.Errorf("progress: %s", diff)
	}
	want := `{"line":8,"id":"c-7","field":"locale","reason":"is not a BCP 47 language tag"}` + "\n"
	if !strings.HasPrefix(rejects.String(), want) || strings.Count(rejects.String(), "\n") != 3 {
		t.Errorf("rejects:\n%s", rejects.String())
	}
}

// TestImportAnswersMeanwhile: the server tells how far it is before the file has ended, however long
// that takes.
func TestImportAnswersMeanwhile(t *testing.T) {
	st := newStage(t)
	seen := make(chan struct{})
	file := &feed{more: seen}
	sum, err := st.admin.ImportCustomers(t.Context(), file, audience.JSONL, func(int64, int) {
		select {
		case <-seen:
		default:
			close(seen)
		}
	}, nil)
	if err != nil || sum.Imported != 1001 {
		t.Errorf("summary %+v, %v", sum, err)
	}
}

// feed gives 1,000 lines, and one more when it is told to.
type feed struct {
	sent int
	more chan struct{}
}

func (f *feed) Read(b []byte) (int, error) {
	switch {
	case f.sent == 1000:
		<-f.more
	case f.sent > 1000:
		return 0, io.EOF
	}
	f.sent++
	return copy(b, fmt.Sprintf(`{"id":"c-%d","locale":"en","addresses":{}}`+"\n", f.sent)), nil
}

func TestImportStopped(t *testing.T) {
	st := newStage(t)
	for _, rest := range []string{"", strings.Repeat("c-1,43\n", 1<<17)} {
		for range 20 { // whatever state that leaves the connection in
			sum, err := st.admin.ImportCustomers(t.Context(), strings.NewReader("id,shoe_size\nc-1,43\n"+rest), audience.CSV, nil, nil)
			if err == nil || !strings.Contains(err.Error(), "shoe_size") || sum.Imported != 0 {
				t.Fatalf("summary %+v, %v", sum, err)
			}
		}
	}
	if _, err := st.admin.ImportCustomers(t.Context(), strings.NewReader(""), "xml", nil, nil); err == nil {
		t.Error("xml is taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := st.admin.ImportCustomers(ctx, strings.NewReader(""), audience.CSV, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
