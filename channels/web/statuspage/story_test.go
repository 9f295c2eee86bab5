package statuspage

import (
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func day(d, h, m int) time.Time {
	return time.Date(2026, 11, d, h, m, 0, 0, time.FixedZone("", 2*60*60))
}

func topic(c string) string { return strings.Repeat(c, 32) }

// story is what one page is told in some days: an outage that is over, planned work to come, and an
// outage that goes on, with a correction.
func story(page string) []channels.Message {
	n := 0
	say := func(topic, title, text string, news channels.News) channels.Message {
		n++
		news.Link = "https://status.meridian.example"
		return channels.Message{
			Ref: "reference-" + string(rune('a'+n)) + "-0f1e2d3c4b5a", Address: page, Locale: page, Subject: title, Text: text + "\n" + news.Link, Topic: topic, News: &news,
		}
	}
	outage := func(status, impact string, at time.Time) channels.News {
		return channels.News{Kind: "outage", Status: status, Impact: impact, At: at, StartedAt: day(22, 17, 20)}
	}
	trouble := outage("investigating", "critical", day(22, 17, 25))
	trouble.NextUpdateAt, trouble.Regions, trouble.Services = day(22, 18, 0), []string{"Chișinău", "Bălți"}, []string{"card payments", "cash machines"}
	trouble.Advice = "Please carry some cash for now."
	wrong := outage("correction", "critical", day(22, 17, 50))
	wrong.NextUpdateAt, wrong.Services = day(22, 18, 45), []string{"card payments"}
	repair := outage("identified", "critical", day(22, 18, 5))
	repair.NextUpdateAt, repair.EstimatedAt, repair.Services = day(22, 18, 45), day(22, 19, 30), []string{"card payments"}
	return []channels.Message{
		say(topic("a"), "We are looking into a problem: transfers", "Transfers to other banks are delayed.\n\nWe will write again by 10:30 today.",
			channels.News{Kind: "outage", Status: "investigating", Impact: "minor", At: day(20, 9, 30), StartedAt: day(20, 9, 10), NextUpdateAt: day(20, 10, 30)}),
		say(topic("a"), "It is over: transfers", "Transfers work as usual.\n\nThe problem ended today at 10:45. We apologise to everyone affected.",
			channels.News{Kind: "outage", Status: "resolved", Impact: "minor", At: day(20, 10, 50), StartedAt: day(20, 9, 10), ResolvedAt: day(20, 10, 45)}),
		say(topic("b"), "Planned work on 28 November from 01:00 to 05:00: mobile app", "The mobile app will not be available.\n\nWhy we do it: we are replacing its servers.",
			channels.News{Kind: "maintenance", Status: "scheduled", Impact: "minor", At: day(21, 12, 0), StartedAt: day(28, 1, 0), EndsAt: day(28, 5, 0), Services: []string{"mobile app"}}),
		say(topic("c"), "We are looking into a problem: card payments and cash machines", "Cards do not always work.\n\nIt began today at 17:20.\nPlease carry some cash for now.", trouble),
		say(topic("c"), "A correction: card payments", "Cash machines work; only card payments are affected. See https://bank.example/cards?a=1&b=2.", wrong),
		say(topic("c"), "Cause found, repair under way: card payments", "We have found the cause & are <fixing> it.\nWe expect it to be over by 19:30 today.", repair),
	}
}

// remembered is what a page knows after some messages.
func remembered(messages ...channels.Message) incidents {
	var all incidents
	for _, m := range messages {
		u, err := newUpdate(m)
		if err != nil {
			panic(err)
		}
		all = all.with(m.Topic, u)
	}
	return all
}
