package app_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// transcript is what Postfix logs, for when it does not do what it should.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *transcript) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// startPostfix starts a private Postfix until the test ends: its own configuration, queue and port. It
// relays for this machine; transports say where mail for a domain or a mailbox goes. It returns the address at which
// it takes mail.
func startPostfix(t *testing.T, transports map[string]string) string {
	t.Helper()
	if _, err := exec.LookPath("postfix"); err != nil || os.Getuid() != 0 {
		t.Fatalf("this test starts a Postfix of its own, which needs root and the program installed: `make deps`, or apt-get install postfix (%v)", err)
	}
	dir, err := os.MkdirTemp("", "tocsin-postfix-") // the user postfix must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := freeAddress(t)
	writePostfix(t, dir, address, transports)
	log := &transcript{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix:\n%s", log)
		}
	})
	runPostfix(t, dir, log)
	awaitSMTP(t, address, log)
	return address
}

// writePostfix writes the configuration and the directories.
func writePostfix(t *testing.T, dir, address string, transports map[string]string) {
	t.Helper()
	var table strings.Builder
	for whose, to := range transports {
		fmt.Fprintf(&table, "{%s = %s} ", whose, to)
	}
	daemons := setting(t, "daemon_directory")
	main := "compatibility_level = 3.6\nqueue_directory = " + dir + "/queue\ndata_directory = " + dir + "/data\n" +
		"daemon_directory = " + daemons + "\ncommand_directory = " + setting(t, "command_directory") + "\n" +
		"myhostname = relay.bank.example\nmydestination =\nmynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n" +
		"recipient_delimiter = +\nalias_maps =\nlocal_recipient_maps =\ndefault_transport = error:no mail leaves this machine\n" +
		"transport_maps = inline:{ " + table.String() + "}\nmaillog_file = /dev/stdout\nsmtp_tls_security_level = none\n"
	master := address + " inet n - n - - smtpd\n"
	for _, service := range []string{
		"cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
		"defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "smtp unix - - n - - smtp", "lmtp unix - - n - - lmtp",
		"error unix - - n - - error", "retry unix - - n - - error", "anvil unix - - n - 1 anvil", "proxymap unix - - n - - proxymap",
		"postlog unix-dgram n - n - 1 postlogd",
	} {
		master += service + "\n"
	}
	for _, d := range []string{dir, dir + "/etc", dir + "/queue", dir + "/data"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("chown", "postfix", dir+"/data").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, text := range map[string]string{"main.cf": main, "master.cf": master} {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// setting is one that Postfix was built with.
func setting(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("postconf", "-d", "-h", name).Output()
	if err != nil {
		t.Fatalf("postconf: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// postfixKeeper runs a Postfix until its own standard input ends, which it does when the test is gone,
// however it went.
const postfixKeeper = `postfix -c "$1" start-fg </dev/null & read -r _; postfix -c "$1" stop; wait`

func runPostfix(t *testing.T, dir string, log *transcript) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", postfixKeeper, "sh", filepath.Join(dir, "etc"))
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // its status is that of a server that was stopped
	})
}

// awaitSMTP waits until a server greets.
func awaitSMTP(t *testing.T, address string, log *transcript) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if greets(ctx, address) {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	t.Fatalf("Postfix does not greet at %s\n%s", address, log)
}

func greets(ctx context.Context, address string) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_, _, err = textproto.NewConn(conn).ReadResponse(220)
	return err == nil
}

// TestBouncesOfPostfix: a real mail server takes a message for a mailbox that its destination doesn't
// know, and reports that by mail. The customer gets an SMS, and the mailbox is not written to again.
func TestBouncesOfPostfix(t *testing.T) {
	for _, protocol := range []string{"smtp", "lmtp"} {
		t.Run(protocol, func(t *testing.T) { bouncesOfPostfix(t, protocol) })
	}
}

func bouncesOfPostfix(t *testing.T, protocol string) {
	w := newTown(t, func(cfg map[string]any) {
		email := cfg["channels"].(map[string]any)["email"].(map[string]any)
		settings := email["settings"].(map[string]any)
		host, port, err := net.SplitHostPort(strings.TrimPrefix(settings["url"].(string), "smtp://"))
		if err != nil {
			t.Fatal(err)
		}
		bounces := freeAddress(t)
		bouncesHost, bouncesPort, err := net.SplitHostPort(bounces)
		if err != nil {
			t.Fatal(err)
		}
		back := "lmtp:inet:" + bounces
		if protocol == "smtp" {
			back = "smtp:[" + bouncesHost + "]:" + bouncesPort
		}
		relay := startPostfix(t, map[string]string{
			"example.com": "smtp:[" + host + "]:" + port, "bounces@bank.example": back,
		})
		email["bounce_window"] = "1h"
		email["settings"] = map[string]any{
			"url": "smtp://" + relay, "tls": "none", "from": "notices@bank.example", "bounce_address": "bounces@bank.example",
			"bounces": map[string]any{"listen": protocol + "://" + bounces},
		}
	})
	w.customers(customer("bounced", "email", "+37369000041", "bad.9@example.com"))
	w.publish(incident.Investigating, 1, nil)
	r := w.report(1)
	if b := r.Updates[0].Balance; b.Reached != 1 || r.Updates[0].ReachedByFallback != 1 {
		t.Errorf("balance %+v, %d by fallback; want one, by fallback", b, r.Updates[0].ReachedByFallback)
	}
	if got := w.witness("twilio", "+37369000041"); got.Accepted != 1 {
		t.Errorf("the SMS provider counts %+v, want one message", got)
	}
	now, err := w.client.Customer(t.Context(), "bounced")
	if err != nil || !now.DeadOn("email") || now.DeadOn("sms") {
		t.Errorf("remembered as dead: %+v, %v; want the mailbox", now.Dead, err)
	}
}
