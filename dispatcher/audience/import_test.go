package audience_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func TestImport(t *testing.T) {
	const text = `id,name,locale,phone,preferences
c-2,Ion,ru,069000002,sms
c-1,Ana,ro,069000001,
c-3,Olga,xx!,12,fax
account:x,,,,
c-2,Ion Rusu,en,069000003,sms
c-4,"oops,,,
`
	d := newDirectory(t)
	var rejects strings.Builder
	s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text), audience.CSV), newChecker(t), d,
		audience.ImportOptions{Rejects: &rejects})
	if err != nil {
		t.Fatal(err)
	}
	want := audience.Summary{Lines: 6, Imported: 2, Rejected: 3, Duplicates: 1, Through: 7, Reasons: map[string]int{
		"addresses.sms is not a phone number that exists in its country's plan": 1,
		"locale is not a BCP 47 language tag":                                   1,
		"preferences names an unknown channel":                                  1,
		"id begins with account:, which is reserved":                            1,
		`line is not CSV: extraneous or missing " in quoted-field`:              1,
	}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if got := d.byID["c-2"]; len(d.byID) != 2 || got.Name != "Ion Rusu" || got.Address("sms") != "+37369000003" {
		t.Errorf("directory: %+v", d.byID)
	}
	const wantRejects = `{"line":4,"id":"c-3","field":"locale","reason":"is not a BCP 47 language tag"}
{"line":4,"id":"c-3","field":"addresses.sms","reason":"is not a phone number that exists in its country's plan"}
{"line":4,"id":"c-3","field":"preferences","reason":"names an unknown channel"}
{"line":5,"field":"id","reason":"begins with account:, which is reserved"}
{"line":7,"field":"line","reason":"is not CSV: extraneous or missing \" in quoted-field"}
`
	if diff := cmp.Diff(wantRejects, rejects.String()); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
}

// Rejected lines' texts are personal data, and reach nothing unless they are asked for.
func TestImportRaw(t *testing.T) {
	const secret = "Ana Popa 069123456"
	text := `{"id":"` + secret + `","locale":"!"}` + "\n" + secret + "\n"
	for raw, want := range map[bool]int{false: 1, true: 3} {
		var rejects strings.Builder
		s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text), audience.JSONL), newChecker(t), newDirectory(t),
			audience.ImportOptions{Rejects: &rejects, Raw: raw})
		if err != nil || s.Rejected != 2 {
			t.Fatal(s, err)
		}
		// One of them is the id, which rejects always name.
		if got := strings.Count(rejects.String(), secret); got != want {
			t.Errorf("raw %v: the text occurs %d times in\n%s", raw, got, rejects.String())
		}
	}
}

func TestImportBatchesAndProgress(t *testing.T) {
	text := file(t, audience.JSONL, audience.Generate(2500, 1, audience.DefaultMix()))
	d := newDirectory(t)
	var progress []string
	o := audience.ImportOptions{Progress: func(read int64, lines int) {
		progress = append(progress, fmt.Sprint(lines, " ", read > 0, read == int64(len(text))))
	}}
	s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text), audience.JSONL), newChecker(t), d, o)
	if err != nil || s.Imported != 2500 || s.Through != 2500 || len(d.byID) != 2500 {
		t.Fatalf("%+v, %v, %d in the directory", s, err, len(d.byID))
	}
	if diff := cmp.Diff([]int{1000, 1000, 500}, d.batches); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1000 true false", "2000 true false", "2500 true true"}, progress); diff != "" {
		t.Error(diff)
	}
}

func TestImportRepeated(t *testing.T) {
	text := file(t, audience.CSV, audience.Generate(1500, 1, audience.DefaultMix()))
	d := newDirectory(t)
	for range 2 {
		s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text), audience.CSV), newChecker(t), d, audience.ImportOptions{})
		if err != nil || s.Imported != 1500 || s.Duplicates != 0 || len(d.byID) != 1500 {
			t.Fatalf("%+v, %v, %d in the directory", s, err, len(d.byID))
		}
	}
}

// The last line of an id wins and is counted, within a batch and across batches.
func TestImportDuplicates(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,name\n")
	for i := range 2500 {
		fmt.Fprintf(&text, "c-%d,line %d\n", i%1200, i)
	}
	text.WriteString("c-0,again\nc-0,at last\nc-0,\x01\n")
	d := newDirectory(t)
	s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text.String()), audience.CSV), newChecker(t), d, audience.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Lines != 2503 || s.Imported != 1200 || s.Duplicates != 1302 || s.Rejected != 1 {
		t.Errorf("summary: %+v", s)
	}
	for id, want := range map[string]string{"c-0": "at last", "c-99": "line 2499", "c-100": "line 1300"} {
		if got := d.byID[id].Name; got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
}

func TestImportCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("operator pressed stop")
	d := newDirectory(t)
	d.before = func(batches int) error {
		if batches == 1 {
			cancel(stop)
		}
		return nil
	}
	text := file(t, audience.CSV, audience.Generate(5000, 1, audience.DefaultMix()))
	s, err := audience.Import(ctx, audience.Read(strings.NewReader(text), audience.CSV), newChecker(t), d, audience.ImportOptions{})
	if !errors.Is(err, stop) {
		t.Errorf("error: %v", err)
	}
	if s.Lines != 2000 || s.Imported != 2000 || s.Through != 2001 || len(d.byID) != 2000 {
		t.Errorf("summary: %+v with %d in the directory", s, len(d.byID))
	}
}

func TestImportStopsOnErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	text := file(t, audience.CSV, audience.Generate(3000, 1, audience.DefaultMix()))
	t.Run("store", func(t *testing.T) {
		d := newDirectory(t)
		d.before = func(batches int) error {
			if batches == 1 {
				return broken
			}
			return nil
		}
		s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text), audience.CSV), newChecker(t), d, audience.ImportOptions{})
		if !errors.Is(err, broken) || err.Error() != "importing recipients: storing the lines up to 2001: disk on fire" {
			t.Errorf("error: %v", err)
		}
		if s.Lines != 1000 || s.Imported != 1000 || s.Through != 1001 {
			t.Errorf("summary: %+v", s)
		}
	})
	t.Run("last batch", func(t *testing.T) {
		d := newDirectory(t)
		d.before = func(int) error { return broken }
		s, err := audience.Import(t.Context(), audience.Read(strings.NewReader("id\nc-1\n"), audience.CSV), newChecker(t), d, audience.ImportOptions{})
		if !errors.Is(err, broken) || s.Lines != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
	t.Run("rejects", func(t *testing.T) {
		o := audience.ImportOptions{Rejects: brokenWriter{broken}}
		_, err := audience.Import(t.Context(), audience.Read(strings.NewReader("id,locale\nc-1,!\n"), audience.CSV), newChecker(t), newDirectory(t), o)
		if !errors.Is(err, broken) {
			t.Errorf("error: %v", err)
		}
	})
	t.Run("header", func(t *testing.T) {
		_, err := audience.Import(t.Context(), audience.Read(strings.NewReader("id,x\n"), audience.CSV), newChecker(t), newDirectory(t), audience.ImportOptions{})
		if err == nil || !strings.HasPrefix(err.Error(), `importing recipients: line 1: unknown column "x"`) {
			t.Errorf("error: %v", err)
		}
	})
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// However many different things are wrong, the summary stays small.
func TestImportBoundsReasons(t *testing.T) {
	var text strings.Builder
	for i := range 3 * audience.MaxReasons {
		fmt.Fprintf(&text, "{\"field%d\":1}\n", i)
	}
	s, err := audience.Import(t.Context(), audience.Read(strings.NewReader(text.String()), audience.JSONL), newChecker(t), newDirectory(t), audience.ImportOptions{})
	if err != nil || len(s.Reasons) != audience.MaxReasons+1 || s.Reasons["other"] != 2*audience.MaxReasons {
		t.Errorf("%d reasons, %d other, %v", len(s.Reasons), s.Reasons["other"], err)
	}
}

// heapStore measures the heap in use after each batch.
type heapStore struct {
	rows int
	heap []uint64
}

func (s *heapStore) PutRecipients(_ context.Context, batch []audience.Recipient) error {
	s.rows += len(batch)
	if s.rows%20_000 == 0 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		s.heap = append(s.heap, m.HeapAlloc)
	}
	return nil
}

// An import of any length takes the memory of one batch, and a fingerprint of each id. A row held on
// to would be more than 500 bytes.
func TestImportMemory(t *testing.T) {
	const rows, perRow = 120_000, 64
	s := &heapStore{}
	sum := importGenerated(t, audience.CSV, rows, s)
	if sum.Imported != rows || s.rows != rows {
		t.Fatalf("%+v, %d in the store", sum, s.rows)
	}
	first, last := s.heap[0], s.heap[len(s.heap)-1]
	if last > first+rows*perRow {
		t.Errorf("the heap grew from %d to %d bytes over %d rows: %v", first, last, rows, s.heap)
	}
}

// importGenerated imports a file of n made-up recipients that is written while it is read.
func importGenerated(t testing.TB, f audience.Format, n int, store audience.Store) audience.Summary {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		rows := rowsOf(audience.Generate(n, 1, phoneless()))
		_, err := audience.Export(w, f, []string{"email", "telegram", "viber"}, rows)
		w.CloseWithError(err)
	}()
	s, err := audience.Import(context.Background(), audience.Read(r, f), newChecker(t), store, audience.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// phoneless leaves out phone numbers, whose check outweighs all else.
func phoneless() audience.Mix {
	m := audience.DefaultMix()
	m.Channels = append(m.Channels[:1:1], m.Channels[2:]...)
	return m
}

type discard struct{}

func (discard) PutRecipients(context.Context, []audience.Recipient) error { return nil }

// One operation is one row: -benchtime 1000000x imports a million.
func BenchmarkImport(b *testing.B) {
	for _, f := range []audience.Format{audience.CSV, audience.JSONL} {
		b.Run(string(f)+"/phones", func(b *testing.B) { benchmarkImport(b, f, audience.DefaultMix()) })
		b.Run(string(f)+"/no phones", func(b *testing.B) { benchmarkImport(b, f, phoneless()) })
	}
}

func benchmarkImport(b *testing.B, f audience.Format, m audience.Mix) {
	const rows = 10_000
	text := file(b, f, audience.Generate(rows, 1, m))
	checker := newChecker(b)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += rows {
		part := audience.Read(strings.NewReader(text), f)
		if _, err := audience.Import(context.Background(), firstLines(part, b.N-done), checker, discard{}, audience.ImportOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func firstLines(rows func(func(audience.Line, error) bool), n int) func(func(audience.Line, error) bool) {
	return func(yield func(audience.Line, error) bool) {
		for line, err := range rows {
			if n--; n < 0 || !yield(line, err) {
				return
			}
		}
	}
}
