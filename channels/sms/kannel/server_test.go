package kannel

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
)

// patience is how long the tests wait for a program. It is reached in failures only.
const patience = 30 * time.Second

// gateway is a Kannel of the test's own: bearerbox and smsbox on free ports, and the message centre that
// Kannel's own "fake" link speaks to, which the test plays. Messages for the smsc-id P go to the
// test's SMPP centre instead.
type gateway struct {
	url  string
	smsc net.Conn
	smpp *centre
}

const gatewayConfig = `group = core
admin-port = %d
admin-interface = 127.0.0.1
admin-password = secret
smsbox-port = %d
smsbox-interface = 127.0.0.1
log-level = 1

group = smsc
smsc = fake
smsc-id = F
port = %d
denied-smsc-id = P

group = smsc
smsc = smpp
smsc-id = P
allowed-smsc-id = P
host = 127.0.0.1
port = %d
transceiver-mode = true
smsc-username = tocsin
smsc-password = secret
system-type = ""

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %d
sendsms-interface = 127.0.0.1
log-level = 1

group = sendsms-user
username = u
password = test-password
max-messages = 3
concatenation = true

group = sms-service
keyword = default
catch-all = true
post-url = "%s/inbound?key=%s"
send-sender = true
omit-empty = true
`

// startGateway starts a Kannel, which is stopped when the test ends. The test fails where Kannel isn't
// installed (make deps installs it).
// What customers write it posts to hook.
func startGateway(t *testing.T, hook string) *gateway {
	t.Helper()
	ports := freePorts(t, 4)
	smpp := startCentre(t)
	config := filepath.Join(t.TempDir(), "kannel.conf")
	text := fmt.Sprintf(gatewayConfig, ports[0], ports[1], ports[2], smpp.port, ports[3], hook, inboundSecret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, "bearerbox", config, "Start-up done")
	smsc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[2]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = smsc.Close() })
	// smsbox takes requests before it has its connection to bearerbox, and dies of them; its heartbeat
	// begins when it has it.
	start(t, "smsbox", config, "heartbeat_thread")
	return &gateway{url: fmt.Sprintf("http://127.0.0.1:%d", ports[3]), smsc: smsc, smpp: smpp}
}

// start starts one of Kannel's programs and waits until its log says that it is ready.
func start(t *testing.T, program, config, ready string) {
	t.Helper()
	path, err := findProgram(program)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--verbosity", "0", config)
	cmd.Dir = filepath.Dir(config)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	w := &watched{log: log, until: ready, seen: make(chan struct{}), ended: make(chan struct{})}
	go w.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-w.ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", program, w.text())
		}
	})
	select {
	case <-w.seen:
	case <-w.ended:
		t.Fatalf("%s has ended:\n%s", program, w.text())
	case <-time.After(patience):
		t.Fatalf("%s isn't ready:\n%s", program, w.text())
	}
}

// findProgram finds a program that Debian puts beside those for everybody.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	path, err := exec.LookPath("/usr/sbin/" + name)
	if err != nil {
		return "", fmt.Errorf("Kannel's %s is neither in PATH nor in /usr/sbin: install Kannel (make deps does, on Debian)", name) //nolint:revive // a name
	}
	return path, nil
}

// watched is a program's log, read until it ends.
type watched struct {
	log         io.Reader
	until       string
	seen, ended chan struct{}
	mu          sync.Mutex
	kept        bytes.Buffer
}

func (w *watched) read() {
	defer close(w.ended)
	seen := false
	for in := bufio.NewScanner(w.log); in.Scan(); {
		w.mu.Lock()
		fmt.Fprintln(&w.kept, in.Text())
		w.mu.Unlock()
		if !seen && strings.Contains(in.Text(), w.until) {
			seen = true
			close(w.seen)
		}
	}
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kept.String()
}

// freePorts returns ports that nobody listens at just now.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for len(ports) < n {
		address, err := sandbox.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		port := int(netip.MustParseAddrPort(address).Port())
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}
