package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// installation lists the checks of what belongs to no channel.
func (x *checkup) installation() []doctor.Check {
	check := func(about string, look func(context.Context) []doctor.Finding) doctor.Check {
		return doctor.Check{Group: installation, About: about, Look: look}
	}
	return []doctor.Check{
		check("configuration", func(context.Context) []doctor.Finding { return x.configuration() }),
		check("texts", func(context.Context) []doctor.Finding { return x.texts() }),
		check("playbooks", x.playbooks),
		check("server", x.server),
		check("nats", x.nats),
		check("room", func(context.Context) []doctor.Finding { return x.room() }),
		check("key", func(context.Context) []doctor.Finding { return x.key() }),
		check("files", func(context.Context) []doctor.Finding { return x.files() }),
		check("public_url", func(context.Context) []doctor.Finding { return x.publicURL() }),
		check("budget", func(context.Context) []doctor.Finding { return x.budget() }),
		check("approvals", func(context.Context) []doctor.Finding { return x.approvers() }),
		check("own domains", func(context.Context) []doctor.Finding { return x.houseInside() }),
	}
}

// configuration says what is wrong with it that belongs to no channel alone.
func (x *checkup) configuration() []doctor.Finding {
	err := checkChannels(x.Config, x.Specs)
	if err == nil {
		return doctor.Found(doctor.OK, "", "it holds")
	}
	found := faults(err)
	for _, ch := range x.Config.Channels { // said of the channel already
		found = without(found, "channels."+ch.Name)
	}
	return found
}

func without(found []doctor.Finding, part string) (rest []doctor.Finding) {
	for _, f := range found {
		if !strings.Contains(f.Text, part) {
			rest = append(rest, f)
		}
	}
	return rest
}

func (x *checkup) texts() []doctor.Finding {
	r, err := newRenderer(x.Config)
	if err != nil {
		return faults(err)
	}
	return doctor.Found(doctor.OK, "", "all can be rendered in %s", strings.Join(r.Locales(), ", "))
}

// server asks the one that runs on the data directory whether it has what it needs.
func (x *checkup) server(ctx context.Context) []doctor.Finding {
	address := cmp.Or(x.running.HTTP, x.running.Metrics)
	switch {
	case !x.serving:
		return doctor.Found(doctor.Unchecked, "start it with `tocsin serve`, and look again: more can be said then", "none runs on %s", x.Config.DataDir)
	case address == "":
		return doctor.Found(doctor.Unchecked, "set http.metrics_listen", "it runs, and can't be asked how it is")
	}
	api := httpapi.NewClient(address, x.running.Token)
	defer api.Close()
	if err := api.Ready(ctx); err != nil {
		return doctor.Found(doctor.Fault, "see its log", "it runs, but not all that it needs does: %v", err)
	}
	return doctor.Found(doctor.OK, "", "it runs, and has all that it needs")
}

// fullness is from when on a stream is called full soon.
const fullness = 0.5

// nats asks a NATS that runs elsewhere how it is. The embedded one is asked through its server.
func (x *checkup) nats(ctx context.Context) []doctor.Finding {
	n := &x.Config.NATS
	if n.URL == "" {
		return nil
	}
	states, err := bus.Examine(ctx, n.options())
	if err != nil {
		return doctor.Found(doctor.Fault, "see whether it runs, and nats.url, who we are, and the certificates", "%v", err)
	}
	var found []doctor.Finding
	for _, s := range states {
		if share := float64(s.Bytes) / float64(s.MaxBytes); s.MaxBytes > 0 && s.Name != bus.RejectedStream && share > fullness {
			found = append(found, doctor.Finding{
				Level: doctor.Warning, Text: fmt.Sprintf("stream %s is %.0f %% full", s.Name, share*100),
				Mend: "see what has stopped reading it, or raise nats.max_bytes",
			})
		}
	}
	if len(found) > 0 {
		return found
	}
	return doctor.Found(doctor.OK, "", "it answers, with %d of %d streams, and room in them", len(states), len(bus.StreamNames()))
}

// room looks whether the data directory's disk has room for what may be written there.
func (x *checkup) room() []doctor.Finding {
	dir := x.Config.DataDir
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return doctor.Found(doctor.Unchecked, "the first start makes it", "data_dir %s: %v", dir, err)
	}
	free := Bytes(fs.Bavail) * Bytes(fs.Bsize)
	need := Bytes(1 << 30) // for a ledger without a bound, and the system
	if x.Config.NATS.URL == "" {
		need += x.Config.NATS.MaxBytes
	}
	if free < need {
		return doctor.Found(doctor.Warning, "make room, move data_dir, or lower nats.max_bytes",
			"%s has %s free, less than the %s that the streams may take and 1.0 GiB for the ledger", dir, gib(free), gib(need-1<<30))
	}
	if found := x.ledgerFull(); found != nil {
		return found
	}
	return doctor.Found(doctor.OK, "", "%s has %s free", dir, gib(free))
}

// ledgerFull warns of a ledger whose file is near its bound.
func (x *checkup) ledgerFull() []doctor.Finding {
	most := int64(x.Config.Ledger.MaxBytes)
	info, err := os.Stat(ledgerPath(x.Config.DataDir))
	if most == 0 || err != nil || info.Size() < most/5*4 { // one that isn't there has room
		return nil
	}
	return doctor.Found(doctor.Warning, "raise ledger.max_bytes, or set ledger.keep", "the ledger takes %s of its %s", gib(Bytes(info.Size())), gib(Bytes(most)))
}

func gib(b Bytes) string { return fmt.Sprintf("%.1f GiB", float64(b)/(1<<30)) }

// key looks at what signs the references that providers are given.
func (x *checkup) key() []doctor.Finding {
	key := x.Config.existingKey()
	switch {
	case x.Config.Key != "":
		return doctor.Found(doctor.OK, "", "configured, the same for all processes that have this configuration")
	case key == nil:
		return doctor.Found(doctor.Unchecked, "", "the first start makes it, in %s", x.Config.DataDir)
	case len(key) < 32:
		return doctor.Found(doctor.Fault, "restore it from a backup, or receipts for messages already sent will be refused", "%s is damaged", filepath.Join(x.Config.DataDir, "secret"))
	}
	return doctor.Found(doctor.OK, "", "in %s: keep a backup, and set key where several processes run", filepath.Join(x.Config.DataDir, "secret"))
}

// files looks who may read what holds secrets and addresses.
func (x *checkup) files() []doctor.Finding {
	c := x.Config
	paths := []string{
		filepath.Join(c.DataDir, "secret"), endpointsPath(c.DataDir), ledgerPath(c.DataDir), c.NATS.Credentials, c.NATS.NKey, c.NATS.TLS.Key,
	}
	if holdsSecrets(c.path) {
		paths = append(paths, c.path)
	}
	var found []doctor.Finding
	for _, path := range paths {
		if path != "" {
			found = append(found, readableByOthers(path)...)
		}
	}
	if len(found) == 0 {
		return doctor.Found(doctor.OK, "", "what holds secrets can't be read by everybody")
	}
	return found
}

func readableByOthers(path string) []doctor.Finding {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return doctor.Found(doctor.Unchecked, "", "%v", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return doctor.Found(doctor.Fault, "chmod o= "+path, "%s holds secrets or addresses, and everybody on this machine may use it (mode %04o)", path, mode)
	}
	return nil
}

// secretLine is a line of a configuration that holds a secret itself, not the name of a variable.
var secretLine = regexp.MustCompile(`(?im)^[^#\n]*\b\w*(token|password|secret|key)"?:\s*["']?[^\s"'$#{\[]`)

// holdsSecrets reports whether a configuration file seems to hold secrets itself.
func holdsSecrets(path string) bool {
	raw, err := os.ReadFile(path)
	return err == nil && secretLine.Match(raw)
}

// priceless is a price of one SMS segment above which the unit was probably mistaken.
const priceless = 1

// budget judges what one incident may spend.
func (x *checkup) budget() []doctor.Finding {
	prices, segments := x.Config.Prices.table(), x.Config.segments()
	switch dearest := prices.Dearest(); {
	case dearest >= priceless:
		return doctor.Found(doctor.Warning, "write prices in the currency that they name, not in its hundredth part",
			"a segment costs up to %g in prices: the budget buys %d", dearest, segments)
	case segments == 0 && x.spends():
		return doctor.Found(doctor.Warning, "set budget.segments, or budget.money and prices", "none: an incident's SMS may cost anything")
	case segments == 0:
		return nil
	}
	return doctor.Found(doctor.OK, "", "an incident may spend %d SMS segments", segments)
}

// spends reports whether a channel is billed by the message.
func (x *checkup) spends() bool {
	for _, ch := range x.Config.Channels {
		for _, p := range ch.All() {
			for i := range x.Specs {
				if k := x.Specs[i].Kind; x.Specs[i].Provider == p.Provider && (k == channels.SMS || k == channels.Voice) {
					return true
				}
			}
		}
	}
	return false
}
