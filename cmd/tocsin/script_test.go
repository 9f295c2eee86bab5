package main

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tocsin-dev/tocsin/channels/sandbox"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"tocsin": main}) }

// TestScripts types what people type and reads what they are answered: testdata/script/*.txtar.
//
// Scripts find in the environment three free addresses, HTTP, NATS and SANDBOX. The command
// `await sandbox` returns when the one at SANDBOX answers, `await DIR` when the server on a data
// directory is ready, `promised DIR TEAM/ID` when it knows that an incident's next update is overdue,
// `! promised DIR TEAM/ID` when none of its clocks runs, `told DIR TEAM/ID N` when N of its updates are closed,
// `recalled DIR TEAM/ID N` when N of its recalls are answered; `retry PROGRAM ARGS` runs a program until it succeeds.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"HTTP", "NATS", "SANDBOX"} {
				address, err := sandbox.FreeAddress()
				if err != nil {
					return err
				}
				e.Setenv(name, address)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "retry": retry, "hold": hold, "decided": decided, "promised": promised, "told": told, "recalled": recalled,
		},
	})
}

const awaitTimeout = 30 * time.Second

func retry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: retry PROGRAM ARGS")
	}
	deadline := time.Now().Add(awaitTimeout)
	for {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("retried in vain: %v", err)
		}
	}
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await sandbox, or await DIR")
	}
	ready := func(ctx context.Context) error { return serverReady(ctx, ts.MkAbs(args[0])) }
	if args[0] == "sandbox" {
		ready = func(ctx context.Context) error {
			return answers(ctx, "http://"+ts.Getenv("SANDBOX")+"/sandbox/endpoints")
		}
	}
	until(ts, args[0]+" is ready", ready)
}

// until returns when there is no error any more, and fails the script if that takes too long.
func until(ts *testscript.TestScript, what string, ready func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

func serverReady(ctx context.Context, dir string) error {
	e, err := app.ReadEndpoints(dir)
	if err != nil {
		return err
	}
	api := httpapi.NewClient(e.HTTP, e.Token)
	defer api.Close()
	return api.Ready(ctx)
}

func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// golden compares with a file below testdata; UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}
