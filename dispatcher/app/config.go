package app

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/strictyaml"
)

// Config is the whole configuration: one YAML file, every key optional but the channels. Values may
// hold ${NAME}, which is replaced by that environment variable; secrets belong there.
type Config struct {
	// DataDir holds the ledger, the streams and the installation's secret.
	DataDir string `yaml:"data_dir"`
	// Organisation is the name that texts use, by locale; a plain text serves for all.
	Organisation Names `yaml:"organisation"`
	// Locale is the default language of recipients and texts (BCP 47).
	Locale string `yaml:"locale"`
	// Zone is the IANA time zone of the times in texts.
	Zone string `yaml:"zone"`
	// PhoneCountry is the country of numbers without a country code (ISO 3166).
	PhoneCountry string `yaml:"phone_country"`
	// StatusPage is where texts say to read on, if an update names nothing better.
	StatusPage string `yaml:"status_page"`
	// OwnDomains are the organisation's own, whose servers may fail with what is announced: `tocsin doctor`
	// says what of Tocsin lies within them.
	OwnDomains []string `yaml:"own_domains"`
	// Approval is "required" (the default: updates are held until somebody approves) or "none", where the
	// update's playbook has no rule of its own.
	Approval string `yaml:"approval"`
	// Playbooks is the folder of the team's own playbooks; "" is none.
	Playbooks string  `yaml:"playbooks"`
	HTTP      HTTP    `yaml:"http"`
	NATS      NATS    `yaml:"nats"`
	Ledger    Ledger  `yaml:"ledger"`
	Cascade   Cascade `yaml:"cascade"`
	// Cascades are those of some updates; where none fits, Cascade has its say.
	Cascades []NamedCascade `yaml:"cascades"`
	// InDoubt says, by impact, what to do with attempts that may have gone out before a crash.
	InDoubt map[incident.Impact]notification.InDoubt `yaml:"in_doubt"`
	// UsefulFor is how long a message is worth delivering: what has not left by then doesn't any more.
	UsefulFor time.Duration `yaml:"useful_for"`
	// Budget bounds what an incident may spend.
	Budget Budget `yaml:"budget"`
	// Prices are what an SMS segment costs.
	Prices       Prices       `yaml:"prices"`
	QuietHours   QuietHours   `yaml:"quiet_hours"`
	FrequencyCap FrequencyCap `yaml:"frequency_cap"`
	Catalogue    Catalogue    `yaml:"catalogue"`
	// Lint is what `tocsin lint` holds updates to, beyond its rules.
	Lint Lint `yaml:"lint"`
	// Key signs the references that providers are given (${TOCSIN_KEY}); all processes of an
	// installation have the same. Without one, it is made and kept in the data directory.
	Key channels.Secret `yaml:"key"`
	// Channels by name, in the order in which they are tried for recipients who prefer none of them.
	Channels Channels `yaml:"channels"`

	path string
}

// HTTP configures the http role.
type HTTP struct {
	Listen string `yaml:"listen"`
	// PublicURL is where providers reach us; without it no receipts can be asked for.
	PublicURL string  `yaml:"public_url"`
	Tokens    []Token `yaml:"tokens"`
	// MetricsListen is where a process without the http role serves /metrics, /healthz and /readyz, to
	// anybody; "" is nowhere. One with the role serves them at Listen.
	MetricsListen string `yaml:"metrics_listen"`
}

// NATS configures the embedded server, or says where a cluster is.
type NATS struct {
	// Listen is the embedded server's address (default 127.0.0.1:4222).
	Listen string `yaml:"listen"`
	// MaxBytes bounds all streams together.
	MaxBytes Bytes `yaml:"max_bytes"`
	// Teams may connect to the embedded server and publish, each on its own subject.
	Teams []Team `yaml:"teams"`
	// Remote is a server or a cluster that runs elsewhere; with it there is no embedded server.
	Remote `yaml:",inline"`
}

// Team is an upstream team with its NATS password; its user name is its own name.
type Team struct {
	Name     string          `yaml:"name"`
	Password channels.Secret `yaml:"password"`
}

// Ledger configures the ledger: a SQLite file in the data directory, or a PostgreSQL database.
type Ledger struct {
	// URL is that of a PostgreSQL database, postgres://user:password@host:port/database; without it
	// the ledger is a file.
	URL channels.Secret `yaml:"url"`
	// MaxBytes bounds the file; 0 is no bound.
	MaxBytes Bytes `yaml:"max_bytes"`
	// Keep is how long what became of each recipient is kept after the end; 0 is for ever.
	Keep clock.Span `yaml:"keep"`
}

// Cascade says how a notification goes on when its channel fails.
type Cascade struct {
	// Behind are the channels behind the preferred one, in order.
	Behind []string `yaml:"behind"`
	// Wait is how long a step waits for its proof, where its channel says nothing else.
	Wait time.Duration `yaml:"wait"`
	// RetryEvery is how long an attempt waits that the provider could not take.
	RetryEvery time.Duration `yaml:"retry_every"`
	// MoveOnAfter is how long a channel may be down before what waits for it goes on to its next step;
	// 0 is never.
	MoveOnAfter time.Duration `yaml:"move_on_after"`
}

// Budget bounds what one incident's messages may cost, until an operator raises it (`tocsin budget`). What
// goes beyond waits. Without either bound there is none.
type Budget struct {
	// Segments bounds the SMS segments.
	Segments int64 `yaml:"segments"`
	// Money bounds what they cost, in the currency of the prices.
	Money float64 `yaml:"money"`
}

// Catalogue names services and regions in the languages of the texts.
type Catalogue struct {
	Services map[string]incident.Text `yaml:"services"`
	Regions  map[string]incident.Text `yaml:"regions"`
}

// Channel configures one channel. What stands behind it is one provider in the short form, with its
// rate, concurrency, timeout and settings, or a list of providers. Rate, Concurrency and Timeout
// default to the provider's own.
type Channel struct {
	Name     string `yaml:"-"`
	Provider string `yaml:"provider"`
	// Providers are several providers, in the order in which they are asked.
	Providers Providers `yaml:"providers"`
	// Wait is how long a step on this channel waits for its proof.
	Wait time.Duration `yaml:"wait"`
	// Queue is how long an attempt may wait for the lane before its cascade goes on; 0 is as long as the
	// news is worth telling.
	Queue time.Duration `yaml:"queue"`
	// Proof is what counts as reached: delivered, or accepted.
	Proof string `yaml:"proof"`
	// BounceWindow is how long a failure may still be reported where silence is presumed to be good.
	BounceWindow *time.Duration `yaml:"bounce_window"`
	// Rate is how many messages the provider takes per second; 0 is unlimited.
	Rate        *float64      `yaml:"rate"`
	Concurrency int           `yaml:"concurrency"`
	Timeout     time.Duration `yaml:"timeout"`
	// Accounts are public accounts on this channel; each is told every update.
	Accounts []Account `yaml:"accounts"`
	// Settings are the provider's own: see its documentation, or `tocsin channels`.
	Settings yaml.Node `yaml:"settings"`

	line int
}

// Account is a public account that posts are made on.
type Account struct {
	Address string `yaml:"address"`
	Locale  string `yaml:"locale"`
}

// Defaults returns a configuration that runs, with no channel yet.
func Defaults() *Config {
	return &Config{
		DataDir:      "./data",
		Organisation: Names{"en": "Our organisation"},
		Locale:       "en",
		Zone:         "UTC",
		Approval:     "required",
		HTTP:         HTTP{Listen: "127.0.0.1:8080"},
		NATS:         NATS{MaxBytes: 4 << 30},
		Cascade:      Cascade{Behind: []string{"sms"}, Wait: 5 * time.Minute, RetryEvery: 30 * time.Second, MoveOnAfter: time.Minute},
		InDoubt: map[incident.Impact]notification.InDoubt{
			incident.Critical: notification.Repeat, incident.Major: notification.Repeat, incident.Minor: notification.LeaveUnknown,
		},
		UsefulFor:    4 * time.Hour,
		QuietHours:   QuietHours{Unless: incident.Major},
		FrequencyCap: FrequencyCap{Per: 24 * time.Hour, Unless: incident.Critical},
	}
}

// Load reads the configuration at path over the defaults. env looks up environment variables. The
// error names file, line and key of everything that is wrong.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c := Defaults()
	c.path = path
	if err := strictyaml.Decode(path, raw, env, c); err != nil {
		return nil, err
	}
	return c, c.validate()
}

// validate checks what one value says about another, and what can't be left to its reader.
func (c *Config) validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s: %s", c.place(), key, fmt.Sprintf(format, args...)))
	}
	if c.Approval != "required" && c.Approval != "none" {
		bad("approval", "%q must be required or none", c.Approval)
	}
	if _, err := time.LoadLocation(c.Zone); err != nil {
		bad("zone", "%q is not an IANA time zone", c.Zone)
	}
	if c.Cascade.Wait <= 0 {
		bad("cascade.wait", "must be longer than 0")
	}
	if c.Cascade.RetryEvery <= 0 {
		bad("cascade.retry_every", "must be longer than 0")
	}
	if c.Cascade.MoveOnAfter < 0 {
		bad("cascade.move_on_after", "must not be negative; 0 is never")
	}
	if c.UsefulFor < 0 {
		bad("useful_for", "must not be negative; 0 is no limit")
	}
	if c.NATS.MaxBytes < minStreams {
		bad("nats.max_bytes", "must be at least 64MiB: the streams share it")
	}
	if b := c.Budget; b.Segments < 0 || !(b.Money >= 0 && b.Money <= math.MaxFloat64) {
		bad("budget", "must be a number that is not negative; 0 is no bound")
	} else if b.Money > 0 && !c.Prices.known() {
		bad("budget.money", "needs prices: what one SMS segment costs (prices: {currency: EUR, default: 0.05})")
	}
	if err := c.Prices.check(); err != nil {
		bad("prices", "%v", err)
	}
	if _, err := c.cascades(); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", c.place(), err))
	}
	if _, err := c.quiet(); err != nil {
		bad("quiet_hours", "%v", err)
	}
	if _, err := c.frequencyCap(); err != nil {
		bad("frequency_cap", "%v", err)
	}
	if err := c.Ledger.check(); err != nil {
		bad("ledger", "%v", err)
	}
	if err := c.CheckKeep(c.Ledger.Keep); err != nil {
		bad("ledger.keep", "%v", err)
	}
	if c.HTTP.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(c.HTTP.MetricsListen); err != nil {
			bad("http.metrics_listen", "%q must be host:port", c.HTTP.MetricsListen)
		}
	}
	for impact, d := range c.InDoubt {
		if impact != incident.Minor && impact != incident.Major && impact != incident.Critical {
			bad("in_doubt", "%q must be minor, major or critical", impact)
		}
		if d != notification.Repeat && d != notification.LeaveUnknown {
			bad("in_doubt."+string(impact), "%q must be repeat or unknown", d)
		}
	}
	for i := range c.HTTP.Tokens {
		if err := c.HTTP.Tokens[i].check(); err != nil {
			bad(fmt.Sprintf("http.tokens[%d]", i), "%v", err)
		}
	}
	seen := map[string]bool{}
	for i, t := range c.NATS.Teams {
		key := fmt.Sprintf("nats.teams[%d]", i)
		if len(t.Password) < minSecret || t.Name == "" {
			bad(key, "needs a name and a password of at least %d characters", minSecret)
		}
		if !teamPattern.MatchString(t.Name) { // it is part of subjects: a wildcard would be other teams' too
			bad(key, "name: %q must be 1 to 64 of the characters a-z, 0-9, '-' and '_'", t.Name)
		}
		if t.Name == operatorUser || t.Name == internalUser {
			bad(key, "name: %q is a user of Tocsin's own", t.Name)
		}
		if seen[t.Name] {
			bad(key, "name: %q is there twice", t.Name)
		}
		seen[t.Name] = true
	}
	if err := c.Lint.check(); err != nil {
		bad("lint", "%v", err)
	}
	if c.Lint.SMSPrice > 0 && !c.Prices.known() {
		bad("prices", "are needed for lint.sms_price: what one SMS segment costs")
	}
	for i, d := range c.OwnDomains {
		if !doctor.Domain(d) {
			bad(fmt.Sprintf("own_domains[%d]", i), "%q must be a domain, as in bank.example", d)
		}
	}
	c.checkRemote(bad)
	return errors.Join(errs...)
}

// teamPattern is what the schema of updates takes for a team.
var teamPattern = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

const minSecret = 12

func (c *Config) place() string {
	if c.path == "" {
		return "configuration"
	}
	return c.path
}

// minStreams leaves the smallest of the streams room for its largest message.
const minStreams = 64 << 20

// Names is a text by locale; in YAML also one text for all locales.
type Names incident.Text

// UnmarshalYAML reads a text, or texts by locale.
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = Names{"en": node.Value, "ro": node.Value, "ru": node.Value}
		return nil
	}
	m := map[string]string{}
	if err := node.Decode(&m); err != nil {
		return err
	}
	*n = m
	return nil
}

// Bytes is a size; in YAML a number with an optional unit: 64MiB, 2GiB.
type Bytes int64

// UnmarshalYAML reads a size.
func (b *Bytes) UnmarshalYAML(node *yaml.Node) error {
	number, unit := node.Value, int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if n, ok := strings.CutSuffix(node.Value, suffix); ok {
			number, unit = strings.TrimSpace(n), size
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("line %d: %q is not a size: a number with KiB, MiB or GiB", node.Line, node.Value)
	}
	*b = Bytes(n * unit)
	return nil
}

// Channels are channels in the order of the file.
type Channels []Channel

// YAMLShape implements strictyaml.Shaped.
func (cs Channels) YAMLShape() reflect.Type { return reflect.TypeFor[map[string]Channel]() }

// UnmarshalYAML reads channels by name.
func (cs *Channels) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: channels: must be names with their settings", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		c := Channel{Name: node.Content[i].Value, line: node.Content[i].Line}
		if err := node.Content[i+1].Decode(&c); err != nil {
			return err
		}
		*cs = append(*cs, c)
	}
	return nil
}
