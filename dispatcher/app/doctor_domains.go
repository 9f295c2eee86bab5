package app

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger/postgres"
)

// houseInside warns of what of the installation lies within the organisation's own domains.
func (x *checkup) houseInside() []doctor.Finding {
	c := x.Config
	if len(c.OwnDomains) == 0 {
		return doctor.Found(doctor.Unchecked, "list the organisation's domains in own_domains",
			"own_domains is empty: whether Tocsin depends on what may fail can't be said")
	}
	var found []doctor.Finding
	for _, v := range []struct{ key, value string }{
		{"http.public_url", c.HTTP.PublicURL}, {"status_page", c.StatusPage}, {"ledger.url", ledgerHost(c)},
	} {
		found = append(found, inside(c.OwnDomains, v.key, v.value)...)
	}
	for address := range strings.SplitSeq(c.NATS.URL, ",") {
		found = append(found, inside(c.OwnDomains, "nats.url", address)...)
	}
	if len(found) == 0 {
		return doctor.Found(doctor.OK, "", "nothing of the installation lies within %s", strings.Join(c.OwnDomains, ", "))
	}
	return found
}

func ledgerHost(c *Config) string {
	if c.Ledger.URL == "" {
		return ""
	}
	return postgres.Host(c.Ledger.URL.Reveal())
}

// settingsInside warns of what of a channel's settings lies within the organisation's own domains.
func (x *checkup) settingsInside(c *configured) []doctor.Finding {
	var found []doctor.Finding
	for i := range c.accounts {
		p := &c.accounts[i]
		scalars(&p.Settings, p.key+".settings", func(key, value string) {
			found = append(found, inside(x.Config.OwnDomains, key, value)...)
		})
	}
	return found
}

// inside says that a value lies within one of the domains; of the value itself only the domain is shown.
func inside(domains []string, key, value string) []doctor.Finding {
	d := doctor.Inside(domains, value)
	if d == "" {
		return nil
	}
	return doctor.Found(doctor.Warning, "use a name at another registrar, on other name servers and machines",
		"%s lies within %s: it may be down together with what is announced", key, d)
}

// scalars calls f for every single value below a node, with its key.
func scalars(n *yaml.Node, key string, f func(key, value string)) {
	switch n.Kind {
	case yaml.ScalarNode:
		f(key, n.Value)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			scalars(n.Content[i+1], key+"."+n.Content[i].Value, f)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			scalars(c, fmt.Sprintf("%s[%d]", key, i), f)
		}
	case yaml.DocumentNode, yaml.AliasNode:
	}
}
