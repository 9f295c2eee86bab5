package gateway

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/channeltest"
	"github.com/tocsin-dev/tocsin/channels/sms/gateway/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs the suite against the JSON gateway.
func TestConformance(t *testing.T) {
	const wrong = "tok_00000000"
	config := func(endpoint, token string) string {
		settings := sim.Simulator().Settings(endpoint)
		settings["secrets"] = map[string]string{"token": token}
		text, err := yaml.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	channeltest.Run(t, channeltest.Harness{
		Spec:       Spec(),
		Simulator:  sim.Simulator(),
		Config:     func(endpoint string) string { return config(endpoint, sim.Token) },
		BadConfig:  func(endpoint string) string { return config(endpoint, wrong) },
		Required:   []string{"from", "secrets", "request", "validity"},
		Secrets:    []string{sim.Token, wrong, sim.SigningKey},
		Address:    func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
		Witness:    func(address string) string { return address[1:] },
		RetryAfter: true,
	})
}

const plainConfig = `secrets: {user: %s, pass: "%s"}
request:
  url: %s/send?user={user}&pass={pass}&dst={number}&msg={text}&type={encoding}&valid={validity}&dlr={callback}
encoding: {gsm7: 0, ucs2: 8}
validity: {unit: minutes, most: 48h}
answer:
  id: {pattern: '^OK (\d+)'}
  code: {pattern: '^(OK|ERR \d+)'}
  accepted: [OK]
  errors:
    invalid_address: [ERR 114]
    rejected: [ERR 120]
    auth: [ERR 101]
    rate_limited: [ERR 301]
    unavailable: [ERR 900]
receipts:
  from: query
  id: msgid
  state: status
  states: {accepted: [ACCEPTD], delivered: [DELIVRD], failed: [UNDELIV, EXPIRED]}
  proof: {key: hush-hush}
`

// TestPlainConformance runs it against the plain gateway.
func TestPlainConformance(t *testing.T) {
	const wrong = "p&ss=word"
	config := func(endpoint, pass string) string { return fmt.Sprintf(plainConfig, sim.User, pass, endpoint) }
	channeltest.Run(t, channeltest.Harness{
		Spec:      Spec(),
		Simulator: sim.Plain(),
		Config:    func(endpoint string) string { return config(endpoint, sim.Pass) },
		BadConfig: func(endpoint string) string { return config(endpoint, wrong) },
		Required:  []string{"secrets", "request", "validity", "encoding"},
		Secrets:   []string{sim.Pass, wrong, "hush-hush"},
		Address:   func(d int) string { return fmt.Sprintf("+3736900010%d", d) },
		URLKey:    paramKey,
	})
}

// decode reads a configuration as Tocsin does.
func decode(text string) func(any) error {
	return func(into any) error { return yaml.Unmarshal([]byte(text), into) }
}

func mustNew(t testing.TB, text string) *sender {
	t.Helper()
	s, err := newSender(decode(text), channels.Env{HTTP: testClient(t), UserAgent: "tocsin/test"})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*sender)
}
