package app_test

import (
	"context"
	"slices"
	"testing"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/channels/social/bluesky"
	blueskysim "github.com/tocsin-dev/tocsin/channels/social/bluesky/sim"
	"github.com/tocsin-dev/tocsin/channels/social/mastodon"
	mastodonsim "github.com/tocsin-dev/tocsin/channels/social/mastodon/sim"
	"github.com/tocsin-dev/tocsin/dispatcher/clock"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// TestPostsFollowEachOther publishes three updates of an incident and one of another, and lets the networks
// say which post is under which.
func TestPostsFollowEachOther(t *testing.T) {
	sims := []sandbox.Simulator{mastodonsim.Simulator(), blueskysim.Simulator()}
	far := newNetworks(t, sims)
	adapters := append(specs(), mastodon.Spec(), bluesky.Spec())
	w := newTownOf(t, clock.Clock{}, adapters, func(cfg map[string]any) { addAccounts(cfg, far, sims) })
	w.publish(incident.Investigating, 1, nil)
	w.report(1)
	w.publish(incident.Identified, 2, nil)
	w.report(2)
	w.publish(incident.Investigating, 3, func(u *incident.Update) { u.Incident = "day" })
	w.reportOf("day", 1)
	w.publish(incident.Resolved, 4, func(u *incident.Update) { u.ResolvedAt = &u.Time })
	w.report(3)
	for _, sim := range sims {
		checkThread(t, sim.Provider, far.Desk(sim.Provider).Messages())
	}
}

// newNetworks runs more providers beside those of a town, which keep what they are given.
func newNetworks(t *testing.T, sims []sandbox.Simulator) *sandbox.Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	far, err := sandbox.New(ctx, "127.0.0.1:0", sandbox.Conduct{}, sims)
	if err != nil {
		t.Fatal(err)
	}
	far.KeepMessages()
	ended := make(chan error, 1)
	go func() { ended <- far.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopping the networks: %v", err)
		}
	})
	return far
}

// addAccounts configures the first public account of each network.
func addAccounts(cfg map[string]any, far *sandbox.Server, sims []sandbox.Simulator) {
	for _, s := range sims {
		cfg["channels"].(map[string]any)[s.Provider] = map[string]any{
			"provider": s.Provider, "wait": "10s", "rate": 0, "settings": s.Settings(far.Endpoints()[s.Provider]),
			"accounts": []map[string]string{{"address": s.Accounts[0], "locale": "en"}},
		}
	}
}

// checkThread checks that of four posts the second and the last are under the first.
func checkThread(t *testing.T, network string, posts []sandbox.Message) {
	t.Helper()
	slices.SortFunc(posts, func(a, b sandbox.Message) int { return a.At.Compare(b.At) })
	if len(posts) != 4 {
		t.Fatalf("%s has %d posts, want 4", network, len(posts))
	}
	root := posts[1].ReplyTo
	if posts[0].ReplyTo != "" || root == "" || posts[2].ReplyTo != "" || posts[3].ReplyTo != root {
		t.Errorf("%s: replies to %q, %q, %q, %q", network, posts[0].ReplyTo, root, posts[2].ReplyTo, posts[3].ReplyTo)
	}
}
