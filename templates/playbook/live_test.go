package playbook

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a folder that somebody works in.
type desk struct {
	mu    sync.Mutex
	files map[string]string
	gone  error
}

func (d *desk) Open(name string) (fs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: d.gone}
	}
	return folder(d.files).Open(name)
}

func (d *desk) set(name, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = nil
	d.files[name] = text
}

func (d *desk) vanish(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = err
}

// TestLive plays a day at the desk, in synthetic time. After each change come two looks.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{files: map[string]string{"cards/playbook.yaml": "description: first"}}
		o := bank(t, nil)
		o.Own, o.Place = d, "playbooks"
		var seen []string
		var log bytes.Buffer
		l, err := NewLive(o, slog.New(slog.NewTextHandler(&log, nil)), func(k Look) {
			switch {
			case k.Err != nil:
				seen = append(seen, "refused")
			case k.Set.Get("cards") != nil:
				seen = append(seen, k.Set.Get("cards").Description)
			default:
				seen = append(seen, "no cards")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		then := func(looks int) {
			t.Helper()
			time.Sleep(time.Duration(looks) * Poll) // synthetic
			synctest.Wait()
		}
		runs := func() string { return l.Set().Get("cards").Description }

		then(3) // nothing changes
		d.set("cards/playbook.yaml", "description: second")
		then(1)
		if runs() != "first" {
			t.Errorf("taken over before it stands still: %s", runs())
		}
		then(1)
		if runs() != "second" {
			t.Errorf("%s runs, want second", runs())
		}
		d.set("cards/playbook.yaml", "descripton: third")
		then(5) // it is looked at once
		d.set("cards/playbook.yaml", "description: second")
		then(2) // and is again what runs
		d.vanish(errors.New("the disk is gone"))
		then(5)
		if runs() != "second" {
			t.Errorf("%s runs, want second", runs())
		}
		d.set("cards/playbook.yaml", "description: second")
		then(2)
		d.set("cards/playbook.yaml", "description: fourth")
		d.set("cards/ro/sms.tmpl", `{{define "resolved"}}{{.Brief}}{{end}}`) // which the check will say is missing elsewhere
		then(2)
		want := []string{"second", "refused", "second", "refused", "second", "fourth"}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
		for _, line := range []string{
			"playbooks/cards/playbook.yaml:1", "unknown key descripton", "the disk is gone", `says nothing of its own for \"resolved\"`,
		} {
			if !strings.Contains(log.String(), line) {
				t.Errorf("the log does not say %s:\n%s", line, log.String())
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestLiveStartsWithGoodPlaybooksOnly(t *testing.T) {
	if _, err := NewLive(bank(t, map[string]string{"a/playbook.yaml": "x: 1"}), slog.New(slog.DiscardHandler), nil); err == nil {
		t.Error("started with a playbook that can't be read")
	}
}

// Without a folder there is nothing to follow.
func TestLiveWithoutAFolder(t *testing.T) {
	l, err := NewLive(bank(t, nil), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, faults := l.Prepare(*update(nil)); len(faults) > 0 {
		t.Error(faults)
	}
}
