package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

// playView shows how a story goes.
type playView interface {
	// line says something that stays.
	line(text string)
	// show shows how far the newest update is.
	show(u *ledger.UpdateProgress)
	close()
}

// newPlayView shows bars on a terminal, and lines elsewhere.
func (c *cli) newPlayView() playView {
	if onTerminal(c.stdout) {
		return newBars(c)
	}
	return &lines{c: c}
}

// channelsOf lists the channels on which an update was tried.
func channelsOf(u *ledger.UpdateProgress) []string {
	var names []string
	for _, t := range u.Tallies {
		if t.Channel != "" && !slices.Contains(names, t.Channel) {
			names = append(names, t.Channel)
		}
	}
	slices.Sort(names)
	return names
}

// reachedOf returns how many were tried and reached on a channel.
func reachedOf(u *ledger.UpdateProgress, channel string) (reached, tried int64) {
	return u.Count(channel, notification.Reached.String()), u.Count(channel, notification.Queued.String())
}

// lines says about once a second what changed.
type lines struct {
	c    *cli
	last string
	at   time.Time
}

func (v *lines) line(text string) { v.c.say("%s", text) }

func (v *lines) show(u *ledger.UpdateProgress) {
	if time.Since(v.at) < time.Second && u.Open > 0 || u.Audience == 0 {
		return
	}
	parts := []string{fmt.Sprintf("reached %s of %s", thousands(u.Count("*", notification.Reached.String())), thousands(u.Audience))}
	for _, name := range channelsOf(u) {
		reached, tried := reachedOf(u, name)
		parts = append(parts, fmt.Sprintf("%s %s/%s", name, thousands(reached), thousands(tried)))
	}
	text := strings.Join(parts, "  ")
	if text == v.last {
		return
	}
	v.last, v.at = text, time.Now()
	v.c.say("    %s", text)
}

func (v *lines) close() {}

// bars draws a bar a channel, and one over all.
type bars struct {
	all  *mpb.Progress
	bars map[string]*mpb.Bar
}

func newBars(c *cli) *bars {
	return &bars{all: mpb.New(mpb.WithOutput(c.stdout), mpb.WithWidth(60)), bars: map[string]*mpb.Bar{}}
}

func (v *bars) line(text string) { _, _ = fmt.Fprintln(v.all, text) }

func (v *bars) show(u *ledger.UpdateProgress) {
	for _, name := range channelsOf(u) {
		reached, tried := reachedOf(u, name)
		v.set(name, int(name[0])<<8|int(name[len(name)-1]), reached, tried) // in alphabetical order, near enough
	}
	v.set("everybody", lastBar, u.Audience-u.Open, u.Audience)
}

// lastBar puts a bar below those of the channels.
const lastBar = 1 << 16

// set draws a bar, which is made when its name first occurs.
func (v *bars) set(name string, priority int, now, total int64) {
	bar := v.bars[name]
	if bar == nil {
		// A total of 0 keeps the bar from ending when it is full: the next update starts it anew.
		bar = v.all.AddBar(0, mpb.BarPriority(priority),
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersNoUnit("%d of %d", decor.WCSyncSpace)))
		v.bars[name] = bar
	}
	bar.SetTotal(total, false)
	bar.SetCurrent(now)
}

func (v *bars) close() {
	for _, bar := range v.bars {
		bar.Abort(true)
	}
	v.all.Wait()
}
