package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"regexp"

	"github.com/tocsin-dev/tocsin/dispatcher/doctor"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/templates/playbook"
)

// playbooks looks at the team's folder, and whether what it holds is what runs.
func (x *checkup) playbooks(ctx context.Context) []doctor.Finding {
	if x.Config.Playbooks == "" {
		return nil
	}
	found := x.onDisk()
	if x.serving {
		found = append(found, x.playbooksRunning(ctx)...)
	}
	return found
}

const mendPlaybooks = "correct it; `tocsin playbook check` finds everything"

func (x *checkup) onDisk() []doctor.Finding {
	o, err := x.Config.PlaybookOptions()
	if err != nil {
		return nil // said of the configuration
	}
	set, err := playbook.Load(o)
	if faults, ok := errors.AsType[playbook.Faults](err); ok {
		var found []doctor.Finding
		for _, f := range faults {
			found = append(found, doctor.Finding{Level: doctor.Fault, Text: f.String(), Mend: mendPlaybooks})
		}
		return found
	}
	if err != nil {
		return doctor.Found(doctor.Fault, "see whether playbooks names the right folder, and who may read it", "%v", err)
	}
	if n := len(set.Warnings(o)); n > 0 {
		return doctor.Found(doctor.Warning, mendPlaybooks, "%d things in %s may not be meant as they are", n, x.Config.Playbooks)
	}
	return doctor.Found(doctor.OK, "", "those in %s are good", x.Config.Playbooks)
}

// runningPlaybooks finds the hash among a server's metrics.
var runningPlaybooks = regexp.MustCompile(`(?m)^` + playbooksInfo + `\{hash="([^"]*)"\} 1$`)

// playbooksRunning compares the folder with what the server says that it runs.
func (x *checkup) playbooksRunning(ctx context.Context) []doctor.Finding {
	address := cmp.Or(x.running.HTTP, x.running.Metrics)
	if address == "" {
		return nil // said of the server
	}
	api := httpapi.NewClient(address, x.running.Token)
	defer api.Close()
	var metrics bytes.Buffer
	if err := api.Metrics(ctx, &metrics); err != nil {
		return doctor.Found(doctor.Unchecked, "see its log", "the server does not say which run: %v", err)
	}
	runs := runningPlaybooks.FindSubmatch(metrics.Bytes())
	if runs == nil {
		return nil // it is no dispatcher
	}
	o, err := x.Config.PlaybookOptions()
	if err != nil {
		return nil // said of the configuration
	}
	hash, err := playbook.HashOf(o)
	switch {
	case err != nil:
		return doctor.Found(doctor.Fault, "see who may read the folder", "the server goes on with what it read before: %v", err)
	case hash != string(runs[1]):
		return doctor.Found(doctor.Warning, "correct what is wrong with the folder; what is right the server takes over within seconds, or says in its log why not",
			"the server does not run what is in %s, but what was there before", x.Config.Playbooks)
	}
	return doctor.Found(doctor.OK, "", "the server runs what is in %s", x.Config.Playbooks)
}
