package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// BenchmarkReceipts measures the CPU time of a webhook, over that of a handler which does nothing but
// read the body. It serves calls without a network, from many goroutines, so that receipts are
// gathered as they are in production.
func BenchmarkReceipts(b *testing.B) {
	st := newStage(b)
	ref := st.signer.Ref(notification.ID{Notification: 123456})
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
	})
	for _, bb := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare}, {"receipts", st.api}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(64)
			begun := cpu(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w := httptest.NewRecorder()
					bb.handler.ServeHTTP(w, httptest.NewRequest("POST", hook+"/"+ref, strings.NewReader(ref)))
					if w.Code != http.StatusOK {
						b.Errorf("status %d", w.Code)
						return
					}
				}
			})
			b.ReportMetric(float64((cpu(b)-begun).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpu is the CPU time that this process has taken.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
