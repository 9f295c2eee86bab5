package app

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
)

// Remote says where NATS is, if it is not embedded, and how to connect.
type Remote struct {
	// URL is one or several nats:// or tls:// addresses, separated by commas.
	URL string `yaml:"url"`
	// User and Password, Credentials (a .creds file) or NKey (a file with a seed) say who we are.
	User        string          `yaml:"user"`
	Password    channels.Secret `yaml:"password"`
	Credentials string          `yaml:"credentials"`
	NKey        string          `yaml:"nkey"`
	TLS         TLS             `yaml:"tls"`
	// Replicas is how many servers keep each stream; 0 is three where there are three, else one.
	Replicas int `yaml:"replicas"`
}

// TLS are the paths of PEM files.
type TLS struct {
	// CA is the authority of the servers' certificates, if the system doesn't know it.
	CA string `yaml:"ca"`
	// Cert and Key are our own certificate.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

const defaultListen = "127.0.0.1:4222"

// listen is where the embedded server listens.
func (n *NATS) listen() string {
	if n.Listen == "" {
		return defaultListen
	}
	return n.Listen
}

// Where says for people where NATS is.
func (n *NATS) Where() string {
	if n.URL == "" {
		return fmt.Sprintf("embedded on %s, %d teams", n.listen(), len(n.Teams))
	}
	return n.URL
}

// minKey is how long the installation's key must be: 256 bits in base64.
const minKey = 43

// checkRemote checks what belongs to a NATS elsewhere, and what does not.
func (c *Config) checkRemote(bad func(key, format string, args ...any)) {
	n := &c.NATS
	if c.Key != "" && len(c.Key) < minKey {
		bad("key", "needs at least %d characters; `openssl rand -hex 32` makes one", minKey)
	}
	if n.URL == "" {
		if n.Remote != (Remote{}) {
			bad("nats", "user, password, credentials, nkey, tls and replicas belong to a NATS elsewhere: say where with nats.url, or remove them")
		}
		return
	}
	for address := range strings.SplitSeq(n.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		switch {
		case err != nil:
			bad("nats.url", "is no URL: want nats://host:port or tls://host:port, or several of them separated by commas")
		case u.User != nil: // not shown: there may be a password in it
			bad("nats.url", "holds a user: keep who we are in nats.user and nats.password")
		case u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls":
			bad("nats.url", "%q must be nats://host:port or tls://host:port, or several of them separated by commas", address)
		}
	}
	if n.Listen != "" {
		bad("nats.listen", "is for the embedded server: with nats.url there is none; remove one of the two")
	}
	if len(n.Teams) > 0 {
		bad("nats.teams", "are users of the embedded server: with nats.url, the cluster's own configuration has them (see deploy/nats)")
	}
	if c.Key == "" {
		bad("key", "is needed with nats.url, the same for all processes: make one with `openssl rand -hex 32`, keep it in the environment, and set key: ${TOCSIN_KEY}")
	}
	n.checkIdentity(bad)
	if n.Replicas < 0 || n.Replicas > 5 {
		bad("nats.replicas", "%d must be 1 to 5, or 0 for three where the cluster has three servers", n.Replicas)
	}
}

// checkIdentity checks who we say we are.
func (n *NATS) checkIdentity(bad func(key, format string, args ...any)) {
	ways := 0
	for _, way := range []string{n.User, n.Credentials, n.NKey} {
		if way != "" {
			ways++
		}
	}
	if ways > 1 {
		bad("nats", "user, credentials and nkey are three ways to say who we are: choose one")
	}
	if (n.User == "") != (n.Password == "") {
		bad("nats.user", "needs nats.password, and the other way round")
	}
	if (n.TLS.Cert == "") != (n.TLS.Key == "") {
		bad("nats.tls", "cert needs key, and the other way round")
	}
	for _, f := range []struct{ key, path string }{
		{"nats.credentials", n.Credentials}, {"nats.nkey", n.NKey},
		{"nats.tls.ca", n.TLS.CA}, {"nats.tls.cert", n.TLS.Cert}, {"nats.tls.key", n.TLS.Key},
	} {
		if f.path == "" {
			continue
		}
		if r, err := os.Open(f.path); err != nil {
			bad(f.key, "%v", err)
		} else {
			_ = r.Close()
		}
	}
}

// signingKey returns the key that signs references: the installation's own, or that of the data
// directory, made when that is new.
func (c *Config) signingKey() ([]byte, error) {
	if c.Key != "" {
		return []byte(c.Key.Reveal()), nil
	}
	return installationKey(c.DataDir)
}

// needsLedger reports whether a role of this process uses the ledger. Lanes need NATS only.
func (a *App) needsLedger() bool { return a.has(Dispatcher) || a.has(Fallback) || a.has(HTTPRole) }

// connectRemote connects to a NATS that other processes use, too.
func (a *App) connectRemote(ctx context.Context) (err error) {
	o := a.Config.NATS.options()
	o.Log = a.Log
	a.bus, err = bus.Connect(ctx, o)
	if err != nil {
		return err
	}
	a.cleanup.add("nats connection", func() error { a.bus.Close(); return nil })
	a.endpoints = Endpoints{Token: newSecret()}
	a.leases, err = a.bus.Leases(ctx, processName(), bus.LeaseTTL)
	if err != nil {
		return err
	}
	a.registry.MustRegister(newLeaseCollector(a.leases))
	return nil
}

// options say how to connect to a NATS elsewhere.
func (n *NATS) options() bus.Options {
	return bus.Options{
		URL: n.URL, User: n.User, Password: n.Password.Reveal(), Credentials: n.Credentials, NKey: n.NKey,
		TLS: bus.TLS{CA: n.TLS.CA, Cert: n.TLS.Cert, Key: n.TLS.Key}, Replicas: n.Replicas, MaxBytes: int64(n.MaxBytes),
	}
}

// processName tells people which process holds a lease.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}
