package dashboard_test

import (
	"net/http/httptest"
	"os/exec"
	"testing"

	"github.com/tocsin-dev/tocsin/dispatcher/dashboard"
)

func TestShot(t *testing.T) {
	s := httptest.NewServer(dashboard.New(sample(), still(), "Banca Meridian", "email", "telegram"))
	defer s.Close()
	for _, a := range [][]string{
		{"/", "list", "1200,1100", ""}, {"/incidents/payments/2026-05-09_cards", "inc", "1200,1700", ""},
		{"/", "listd", "500,1500", "--blink-settings=preferredColorScheme=0"}, {"/incidents/payments/2026-05-09_cards", "incd", "500,2100", "--blink-settings=preferredColorScheme=0"},
	} {
		args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=" + a[2], "--screenshot=/tmp/shot-" + a[1] + ".png"}
		if a[3] != "" {
			args = append(args, a[3])
		}
		out, err := exec.Command("chromium", append(args, s.URL+a[0])...).CombinedOutput()
		t.Log(string(out[:min(300, len(out))]), err)
	}
}
