package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/bus"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

type publishFlags struct {
	via    string
	follow bool
}

func (c *cli) publishCommand() *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish FILE",
		Short: "Publish updates about an incident",
		Long: `Publish one update or a list of them, in YAML or JSON; - reads the standard input. "tocsin
schema" describes the fields. The fields id, source, time and sequence may stand beside them: the id
is made of the content if it is not given, so that the same file announces nothing twice, and the
time is now. Every update is checked before the first is published.`,
		Example: `  tocsin publish outage.yaml --follow

  # outage.yaml
  team: payments
  incident: cards-2026-05-04
  kind: outage
  status: investigating
  impact: major
  affects: {services: [cards]}
  started_at: 2026-05-04T17:40:00+03:00
  summary: {en: Card payments in shops fail., ro: Plățile cu cardul în magazine nu reușesc.}`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error { return c.publish(cmd.Context(), given[0], f) },
	}
	cmd.Flags().StringVar(&f.via, "via", "nats", "how to publish: nats or http")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "wait until all customers are accounted for, and show how it goes")
	return cmd
}

func (c *cli) publish(ctx context.Context, path string, f publishFlags) error {
	events, err := c.checkedUpdates(path, "published")
	if err != nil {
		return err
	}
	e, err := c.endpoints()
	if err != nil {
		return err
	}
	p, err := newPublisher(f.via, e)
	if err != nil {
		return err
	}
	defer p.close()
	for _, ev := range events {
		if err := p.publish(ctx, ev); err != nil {
			return fmt.Errorf("publishing %s: %w", ev.update.EventID, err)
		}
		u := ev.update
		c.say("published: %s/%s %s (id %s)", u.Team, u.Incident, u.Status, u.EventID)
	}
	if !f.follow {
		return nil
	}
	return c.follow(ctx, httpapi.NewClient(e.HTTP, e.Token), events)
}

// checkedUpdates reads the updates of a file that are to be published, or whatever is done with them. If one
// has a fault, all faults of all are told.
func (c *cli) checkedUpdates(path, done string) ([]event, error) {
	objects, err := c.readUpdates(path)
	if err != nil {
		return nil, err
	}
	events := make([]event, len(objects))
	good := true
	for i, o := range objects {
		where := path
		if len(objects) > 1 {
			where = fmt.Sprintf("%s[%d]", path, i)
		}
		var faults []incident.Fault
		events[i], faults = newEvent(o, time.Now())
		for _, fault := range faults {
			c.complain("%s: %s", where, fault)
			good = false
		}
	}
	if !good {
		c.complain("tocsin: nothing was %s; `tocsin schema` says what an update holds", done)
		return nil, errSaid
	}
	return events, nil
}

// publisher is a way to publish updates.
type publisher interface {
	publish(ctx context.Context, e event) error
	close()
}

func newPublisher(via string, e app.Endpoints) (publisher, error) {
	switch via {
	case "nats":
		if e.NATS == "" && e.HTTP != "" { // a cluster, to which commands have no key of their own
			return newPublisher("http", e)
		}
		return newNATSPublisher(e)
	case "http":
		return httpPublisher{httpapi.NewClient(e.HTTP, e.Token)}, nil
	}
	return nil, usageError{fmt.Errorf("--via %q: want nats or http", via)}
}

type httpPublisher struct{ api *httpapi.Client }

func (p httpPublisher) publish(ctx context.Context, e event) error { return p.api.Publish(ctx, e.body) }

func (p httpPublisher) close() {}

// natsPublisher publishes as upstream services do.
type natsPublisher struct {
	nc *nats.Conn
	js jetstream.JetStream
}

func newNATSPublisher(e app.Endpoints) (natsPublisher, error) {
	if e.NATS == "" {
		return natsPublisher{}, errors.New("the server on this data directory runs without the role http, and uses a NATS cluster: publish there as upstream services do, or use a server with http")
	}
	nc, err := nats.Connect(e.NATS, nats.UserInfo(e.NATSUser, e.NATSPassword), nats.Name("tocsin publish"))
	if err != nil {
		return natsPublisher{}, fmt.Errorf("connecting to NATS at %s: %w; --via http is another way", e.NATS, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return natsPublisher{}, fmt.Errorf("NATS at %s: %w", e.NATS, err)
	}
	return natsPublisher{nc, js}, nil
}

func (p natsPublisher) publish(ctx context.Context, e event) error {
	m := nats.NewMsg(bus.IncidentSubject(e.update.Team))
	m.Header.Set("Content-Type", incident.ContentType)
	m.Data = e.body
	_, err := p.js.PublishMsg(ctx, m)
	return err
}

func (p natsPublisher) close() { p.nc.Close() }
