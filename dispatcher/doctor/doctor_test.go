package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
)

func TestRunKeepsTheOrderAndTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{})
		checks := []doctor.Check{
			{Group: "sms", Subject: "main", About: "credentials", Look: func(ctx context.Context) []doctor.Finding {
				<-started // they run side by side, or this would wait for ever
				<-ctx.Done()
				return doctor.Found(doctor.Fault, "wait", "no answer in %d seconds", 5)
			}},
			{Group: "house", About: "files", Look: func(context.Context) []doctor.Finding {
				close(started)
				return []doctor.Finding{{About: "secret", Level: doctor.Warning}, {Group: "other"}}
			}},
			{Group: "none", Look: func(context.Context) []doctor.Finding { return nil }},
		}
		var seen []int
		begun := time.Now()
		got := doctor.Run(t.Context(), checks, 5*time.Second, func(done, total int) { seen = append(seen, done, total) })
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("it took %v, want the one check's timeout", took)
		}
		want := []doctor.Finding{
			{Group: "sms", Subject: "main", About: "credentials", Level: doctor.Fault, Text: "no answer in 5 seconds", Mend: "wait"},
			{Group: "house", About: "secret", Level: doctor.Warning},
			{Group: "other", About: "files"},
		}
		if !slices.Equal(got, want) {
			t.Errorf("found %+v", got)
		}
		if !slices.Equal(seen, []int{1, 3, 2, 3, 3, 3}) {
			t.Errorf("progress %v", seen)
		}
		if n := doctor.Counts(got); n[doctor.OK] != 1 || n[doctor.Warning] != 1 || n[doctor.Fault] != 1 {
			t.Errorf("counts %v", n)
		}
	})
}

// dated answers with a Date header, after a while.
type dated struct {
	date string
	wait time.Duration
}

func (d dated) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(d.wait) // within a synctest bubble
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": {d.date}}, Body: http.NoBody}, nil
}

func TestWatch(t *testing.T) {
	for name, tt := range map[string]struct {
		ahead, wait time.Duration
		want        doctor.Level
		text        string
	}{
		"agree":                    {0, 0, doctor.OK, "ours and the provider's agree"},
		"a little":                 {9 * time.Second, 0, doctor.OK, "ours and the provider's agree"},
		"a slow answer is no skew": {20 * time.Second, 20 * time.Second, doctor.OK, "ours and the provider's agree"},
		"behind":                   {30 * time.Second, 0, doctor.Warning, "this machine's is 31s behind the provider's"},
		"ahead":                    {-30 * time.Second, 0, doctor.Warning, "this machine's is 30s ahead of the provider's"},
		"far ahead":                {-5 * time.Minute, 0, doctor.Fault, "this machine's is 5m0s ahead of the provider's"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := dated{time.Now().Add(tt.ahead).UTC().Format(http.TimeFormat), tt.wait}
				w := doctor.NewWatch(d, time.Now)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := w.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				got := w.Findings()
				if len(got) != 1 || got[0].Level != tt.want || got[0].Text != tt.text || (got[0].Mend == "") != (tt.want == doctor.OK) {
					t.Errorf("found %+v", got)
				}
			})
		})
	}
}

// certified answers over TLS.
type certified struct{ until time.Time }

func (c certified) RoundTrip(*http.Request) (*http.Response, error) {
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotAfter: c.until}}}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, TLS: state}, nil
}

func TestCertificate(t *testing.T) {
	now := time.Date(2026, 5, 4, 18, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]string{
		90 * 24 * time.Hour: "", 10*24*time.Hour + time.Hour: "it ends in 10 days", time.Hour: "it ends in 0 days",
	} {
		w := doctor.NewWatch(certified{now.Add(left)}, func() time.Time { return now })
		if got := w.Certificate(); got != nil {
			t.Errorf("before any answer: %+v", got)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		got := w.Certificate()
		if (want == "") != (len(got) == 0) || len(got) > 0 && got[0].Text != want {
			t.Errorf("%v left: %+v", left, got)
		}
	}
}

func TestWatchWithoutADate(t *testing.T) {
	w := doctor.NewWatch(dated{date: "yesterday"}, time.Now)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := w.Findings(); got != nil {
		t.Errorf("found %+v", got)
	}
}

func TestInside(t *testing.T) {
	own := []string{"bank.example", "Bank-Pay.example."}
	for value, want := range map[string]string{
		"https://tocsin.bank.example/x?y=z":         "bank.example",
		"https://BANK.example.:8443":                "bank.example",
		"Meridian <outages@mail.bank-pay.example>":  "bank-pay.example",
		"outages@bank.example":                      "bank.example",
		"relay.bank.example:587":                    "bank.example",
		"relay.bank.example":                        "bank.example",
		"notbank.example":                           "",
		"bank.example.net":                          "",
		"https://bank.example@evil.net/":            "",
		"see bank.example":                          "",
		"123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11": "",
		"": "",
	} {
		if got := doctor.Inside(own, value); got != want {
			t.Errorf("Inside(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestDomain(t *testing.T) {
	for d, want := range map[string]bool{
		"bank.example": true, "Bank-1.co.uk": true, "bank": false, "https://bank.example": false, "a@bank.example": false, "bank..example": false, "": false, "*.bank.example": false,
	} {
		if doctor.Domain(d) != want {
			t.Errorf("Domain(%q) = %v", d, !want)
		}
	}
}
