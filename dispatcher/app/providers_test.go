package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// TestProvidersAreCheckedByTheirKeys: what is wrong with one of several providers is named by line
// and key.
func TestProvidersAreCheckedByTheirKeys(t *testing.T) {
	for _, tt := range []struct{ lines, want string }{
		{"- {provider: \"null\", settings: {}}\n- {provider: \"null\"}", `5: channels.sms.providers[1].name: "null" is there twice`},
		{"- {provider: \"null\", wieght: 2}", "4: unknown key channels.sms.providers[0].wieght"},
		{"- {provider: \"null\", weight: -2}", "4: channels.sms.providers[0].weight: must not be negative"},
		{"- {provider: \"null\"}\n- {provider: nil}", `5: channels.sms.providers[1].provider: "nil" is not one of`},
		{"- {provider: \"null\"}\n- {name: b}", `5: channels.sms.providers[1].provider: "" is not one of`},
		{"- {provider: \"null\", name: A.B}", `4: channels.sms.providers[0].name: "A.B" must be`},
		{"- {provider: \"null\", rate: -1}", "4: channels.sms.providers[0].rate"},
		{"- {provider: \"null\", concurrency: -1}", "4: channels.sms.providers[0].concurrency"},
		{"- {provider: \"null\", timeout: -1s}", "4: channels.sms.providers[0].timeout"},
		{"- {provider: twilio, settings: {sid: x}}", "4: unknown key channels.sms.providers[0].settings.sid"},
		{"- {provider: smtp, settings: {url: \"smtp://h\", from: a@example.com}}\n- {provider: \"null\"}", "5: channels.sms.providers[1].provider: null is for"},
		{"- {provider: \"null\"}\n  rate: 5", "provider, settings, rate, concurrency, timeout: belong to each of its providers"},
		{"  wrong: shape", "providers: must be a list"},
		{strings.Repeat("- {provider: \"null\"}\n", 17), "17 are too many"},
	} {
		lines := strings.ReplaceAll(tt.lines, "\n-", "\n    -")
		lines = strings.ReplaceAll(lines, "\n  rate", "\n    rate")
		err := check(t, "channels:\n  sms:\n    providers:\n    "+lines+"\n")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n%v, want an error that says %s", lines, err, tt.want)
		}
	}
}

func TestSeveralProvidersHold(t *testing.T) {
	err := check(t, `cascade: {behind: [], move_on_after: 0s}
channels:
  sms:
    wait: 1m
    providers:
    - {provider: "null", weight: 3, rate: 5, concurrency: 2, timeout: 1s}
    - {provider: "null", name: backup, settings: {}}
`)
	if err != nil {
		t.Error(err)
	}
}

func check(t *testing.T, config string) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tocsin.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := app.Load(path, os.LookupEnv)
	if err != nil {
		return err
	}
	return app.Check(c, specs())
}

// TestOneAccountFailsAndTheOtherSends: SMS go through two accounts of one provider, whose ids are the
// same; one is out of order. Everybody is reached through the other, whose receipts come to its own URL.
func TestOneAccountFailsAndTheOtherSends(t *testing.T) {
	w := newTown(t, twoAccounts)
	w.sandbox.Desk("twilio").SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	const people = 40
	var lines []string
	for i := range people {
		number := fmt.Sprintf("+3736900%03d0", i)
		lines = append(lines, customer(fmt.Sprint("c", i), "sms", number, number))
	}
	w.customers(lines...)
	w.publish(incident.Investigating, 1, nil)
	if b := w.report(1).Updates[0].Balance; b.Reached != people {
		t.Errorf("balance %+v, want %d reached", b, people)
	}
	w.expect("second", people)
	w.expect("twilio", 0)
	for _, want := range []string{
		`tocsin_lane_sends_total{channel="sms",class="none",provider="second"} 40`,
		`tocsin_lane_breaker_open{channel="sms",provider="second"} 0`,
		`tocsin_lane_breaker_open{channel="sms",provider="first"} 1`,
	} {
		if text := metrics(t, w.url); !strings.Contains(text, want) {
			t.Errorf("no %s among the metrics", want)
		}
	}
}

// twoAccounts puts the two simulated accounts behind SMS.
func twoAccounts(cfg map[string]any) {
	sms := cfg["channels"].(map[string]any)["sms"].(map[string]any)
	first := sms["settings"].(map[string]any)
	second := map[string]any{}
	for k, v := range first {
		second[k] = v
	}
	second["base_url"] = strings.TrimSuffix(first["base_url"].(string), "/twilio") + "/second"
	delete(sms, "provider")
	delete(sms, "settings")
	sms["providers"] = []map[string]any{
		{"provider": "twilio", "name": "first", "rate": 0, "settings": first},
		{"provider": "twilio", "name": "second", "rate": 0, "settings": second},
	}
}

func (w *town) expect(desk string, accepted int) {
	w.t.Helper()
	if got := w.sandbox.Desk(desk).Total(); got.Accepted != accepted || got.Repeats != 0 {
		w.t.Errorf("%s counts %+v, want %d accepted", desk, got, accepted)
	}
}

// downTown has viber out of order, and moves on after the time given.
func downTown(t *testing.T, after string) *town {
	w := newTown(t, func(cfg map[string]any) {
		cfg["cascade"] = map[string]any{"behind": []string{"sms"}, "move_on_after": after, "retry_every": "500ms"}
		chans := cfg["channels"].(map[string]any)
		chans["viber"].(map[string]any)["wait"] = "10m"
		chans["sms"].(map[string]any)["rate"] = 0
	})
	w.wait("the webhook, which a provider that is down does not take", func() bool {
		return strings.Contains(metrics(t, w.url), `tocsin_http_receipts_total{channel="viber",result="empty"}`)
	})
	w.sandbox.Desk("viber").SetConduct(sandbox.Conduct{Mode: sandbox.Unavailable})
	var lines []string
	for i := range 30 {
		lines = append(lines, customer(fmt.Sprint("c", i), "viber", fmt.Sprintf("+3736900%03d0", i), fmt.Sprintf("AAAAAAAAAAAAAAAAAAA%02d0==", i)))
	}
	w.customers(lines...)
	return w
}

// TestChannelThatStaysDownIsLeft: the only provider of the preferred channel is out of order, and
// everybody is told by SMS soon after, not at the end of the step's wait.
func TestChannelThatStaysDownIsLeft(t *testing.T) {
	w := downTown(t, "1s")
	w.publish(incident.Investigating, 1, nil)
	r := w.report(1)
	if b := r.Updates[0].Balance; b.Reached != 30 || r.Updates[0].ReachedByFallback != 30 {
		t.Errorf("balance %+v, %d by fallback; want 30", b, r.Updates[0].ReachedByFallback)
	}
	w.expect("twilio", 30)
	w.expect("viber", 0)
}

// TestChannelThatComesBackIsNotLeft: it is out of order for less than the time after which it is left.
func TestChannelThatComesBackIsNotLeft(t *testing.T) {
	w := downTown(t, "1m")
	w.publish(incident.Investigating, 1, nil)
	w.wait("the breaker to open", func() bool {
		return strings.Contains(metrics(t, w.url), `tocsin_lane_breaker_open{channel="viber",provider="viber"} 1`)
	})
	w.sandbox.Desk("viber").SetConduct(sandbox.Conduct{})
	r := w.report(1)
	if b := r.Updates[0].Balance; b.Reached != 30 || r.Updates[0].ReachedByFallback != 0 {
		t.Errorf("balance %+v, %d by fallback; want 30 and none", b, r.Updates[0].ReachedByFallback)
	}
	w.expect("viber", 30)
	w.expect("twilio", 0)
}

// wait looks again and again until something has come true.
func (w *town) wait(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}
