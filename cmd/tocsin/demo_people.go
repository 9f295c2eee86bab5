package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/templates/scenarios"
)

// demoToken is the account of somebody who lets updates go.
type demoToken struct {
	Name     string `yaml:"name"`
	Token    string `yaml:"token"`
	Approves bool   `yaml:"approves"`
	Person   string `yaml:"person"`
}

// demoPeople are those of the stories who let updates go.
func demoPeople() []demoToken {
	return []demoToken{
		{"ana", rand.Text(), true, "Ana Rusu"},
		{"ion", rand.Text(), true, "Ion Munteanu"},
	}
}

// writePlaybooks lays the bank's playbooks where its server reads them.
func writePlaybooks(dir string) error {
	own, err := scenarios.Playbooks()
	if err != nil {
		return err
	}
	return os.CopyFS(dir, own)
}

// approve has the story's people look at a held update and let it go: as many of them as its playbook asks
// for, once there is its forecast. What has changed meanwhile is looked at again the next time.
func (p *player) approve(ctx context.Context, u *ledger.UpdateProgress) error {
	v, err := p.w.api.Update(ctx, u.ID)
	if err != nil || v.State != ledger.Held || len(v.Forecast) == 0 {
		return err
	}
	for _, person := range p.w.config.HTTP.Tokens {
		r, err := httpapi.NewClient(p.w.endpoints.HTTP, person.Token).Approve(ctx, u.ID, httpapi.Word{Seen: v.Seen})
		if errors.Is(err, ledger.ErrConflict) {
			continue // they have approved before, or it was let go meanwhile, or looks different now
		}
		if err != nil {
			return fmt.Errorf("update %d: %w", u.ID, err)
		}
		if r.State != ledger.Held {
			return nil
		}
	}
	return nil
}

// byItself is what an update is that nobody published.
func (p *player) byItself(ctx context.Context, u *ledger.UpdateProgress) (string, error) {
	v, err := p.w.api.Update(ctx, u.ID)
	if v.Update.Automatic == incident.Reminder {
		return "Tocsin by itself: a reminder", err
	}
	return "Tocsin by itself: nothing new yet, and when the next word comes", err
}

// compensate exports who is made good, and holds the list against the audience: everybody whom the update
// that says so was for is in it once, and no public account.
func (c *cli) compensate(ctx context.Context, w *world, k incidentKey, r *ledger.Report) error {
	var list bytes.Buffer
	if err := w.api.Compensation(ctx, k.team, k.id, audience.JSONL, &list); err != nil {
		return err
	}
	seen, option := map[string]bool{}, ""
	for line := range strings.Lines(list.String()) {
		var grant struct {
			ID     string `json:"id"`
			Option string `json:"option"`
		}
		if err := json.Unmarshal([]byte(line), &grant); err != nil {
			return fmt.Errorf("compensation: %w", err)
		}
		seen[grant.ID], option = true, grant.Option
	}
	last := &r.Updates[len(r.Updates)-1] // the one that compensates
	want := int(last.Audience) - w.config.accounts()
	c.say("\ncompensation: %s customers get %s (`tocsin compensation export %s/%s`)", thousands(int64(len(seen))), option, k.team, k.id)
	if len(seen) != want {
		return fmt.Errorf("%d customers are made good, but %d were to be told so", len(seen), want)
	}
	return nil
}

// accounts is how many public accounts there are.
func (c *demoConfig) accounts() int {
	n := 0
	for _, ch := range c.Channels {
		n += len(ch.Accounts)
	}
	return n
}
