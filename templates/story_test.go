package templates

import (
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/incident"
)

// The story that the golden files tell: a bank's cards fail on a May afternoon, and a week later
// work on its systems is planned.

var chisinau = time.FixedZone("EEST", 3*60*60)

func may(day, hour, minute int) time.Time {
	return time.Date(2026, 5, day, hour, minute, 0, 0, chisinau)
}

func three(en, ro, ru string) incident.Text { return incident.Text{"en": en, "ro": ro, "ru": ru} }

func bank() Catalogue {
	return Catalogue{
		Organisation: three("Banca Nord", "Banca Nord", "Banca Nord"),
		Services: map[string]incident.Text{
			"cards": three("card payments", "plățile cu cardul", "оплата картой"),
			"atm":   three("cash machines", "bancomatele", "банкоматы"),
			"app":   three("mobile app", "aplicația mobilă", "мобильное приложение"),
		},
		Regions: map[string]incident.Text{
			"chisinau": three("Chișinău", "Chișinău", "Кишинёв"),
			"balti":    three("Bălți", "Bălți", "Бельцы"),
			"north":    three("the north", "nordul țării", "север страны"),
		},
		DefaultLocale: "ro",
		Location:      chisinau,
		StatusPage:    "https://stare.bancanord.md",
	}
}

// story returns a typical update of every status.
func story() []incident.Update {
	outage := func(status incident.Status, at time.Time, d incident.Data) incident.Update {
		d.Kind, d.Status, d.Impact, d.StartedAt = incident.Outage, status, incident.Major, may(4, 17, 20)
		d.Affects = incident.Audience{Services: []string{"cards", "atm"}, Regions: []string{"chisinau", "balti"}}
		return incident.Update{Time: at, Data: d}
	}
	work := func(status incident.Status, at time.Time, d incident.Data) incident.Update {
		d.Kind, d.Status, d.Impact, d.StartedAt = incident.Maintenance, status, incident.Minor, may(12, 1, 0)
		d.Affects = incident.Audience{Services: []string{"app"}}
		d.EndsAt = new(may(12, 5, 0))
		return incident.Update{Time: at, Data: d}
	}
	cash := three("Please carry some cash for now.", "Vă rugăm să aveți la dumneavoastră și numerar.", "Пока носите с собой наличные.")
	return []incident.Update{
		outage(incident.Investigating, may(4, 17, 30), incident.Data{
			Summary:      three("Some card payments are declined, and some cash machines do not give cash.", "Unele plăți cu cardul sunt refuzate, iar unele bancomate nu eliberează bani.", "Часть платежей картой не проходит, некоторые банкоматы не выдают деньги."),
			Short:        three("Cards do not always work.", "Cardurile nu funcționează mereu.", "Карты работают с перебоями."),
			Advice:       cash,
			NextUpdateAt: new(may(4, 18, 0)),
		}),
		outage(incident.Identified, may(4, 18, 10), incident.Data{
			Summary:        three("Some card payments are declined, and some cash machines do not give cash.", "Unele plăți cu cardul sunt refuzate, iar unele bancomate nu eliberează bani.", "Часть платежей картой не проходит, некоторые банкоматы не выдают деньги."),
			Short:          three("Cards do not always work.", "Cardurile nu funcționează mereu.", "Карты работают с перебоями."),
			Cause:          three("the link to the card network is broken", "s-a întrerupt legătura cu rețeaua de carduri", "оборвалась связь с карточной сетью"),
			Advice:         cash,
			Estimate:       &incident.Estimate{At: may(4, 19, 30), Confidence: "medium"},
			MissedEstimate: new(may(4, 18, 0)),
			NextUpdateAt:   new(may(4, 18, 45)),
		}),
		outage(incident.Monitoring, may(4, 19, 5), incident.Data{
			Summary:      three("Card payments and cash machines work again.", "Plățile cu cardul și bancomatele funcționează din nou.", "Оплата картой и банкоматы снова работают."),
			Advice:       three("If a payment was declined, you can repeat it.", "Dacă o plată a fost refuzată, o puteți repeta.", "Если платёж не прошёл, его можно повторить."),
			NextUpdateAt: new(may(4, 20, 0)),
		}),
		outage(incident.Resolved, may(4, 20, 0), incident.Data{
			Summary:    three("Card payments and cash machines work as usual.", "Plățile cu cardul și bancomatele funcționează normal.", "Оплата картой и банкоматы работают как обычно."),
			ResolvedAt: new(may(4, 18, 55)),
			Advice:     three("Amounts blocked by declined payments are free again by tomorrow.", "Sumele blocate de plățile refuzate se deblochează până mâine.", "Суммы, заблокированные непрошедшими платежами, освободятся до завтра."),
		}),
		outage(incident.Postmortem, may(6, 12, 0), incident.Data{
			Summary:      three("On Monday evening many card payments were declined.", "Luni seara multe plăți cu cardul au fost refuzate.", "В понедельник вечером многие платежи картой не прошли."),
			ResolvedAt:   new(may(4, 18, 55)),
			Cause:        three("our link to the card network broke, and the spare one did not take over.", "legătura noastră cu rețeaua de carduri s-a întrerupt, iar cea de rezervă nu a preluat traficul.", "оборвалась наша связь с карточной сетью, а запасная линия не включилась."),
			Compensation: three("You pay no card fees in May.", "În luna mai nu plătiți comisioane pentru card.", "За май комиссий по карте не будет."),
			Advice:       three("From now on we test the spare link every week.", "De acum testăm legătura de rezervă în fiecare săptămână.", "Теперь мы проверяем запасную линию каждую неделю."),
		}),
		work(incident.Scheduled, may(8, 10, 0), incident.Data{
			Summary: three("The mobile app will not be available.", "Aplicația mobilă nu va fi disponibilă.", "Мобильное приложение будет недоступно."),
			Cause:   three("we are replacing its servers", "înlocuim serverele", "меняем серверы"),
			Advice:  three("Please make urgent transfers the day before; cards will work.", "Faceți transferurile urgente cu o zi înainte; cardurile vor funcționa.", "Срочные переводы сделайте накануне; карты будут работать."),
		}),
		work(incident.InProgress, may(12, 1, 5), incident.Data{
			Summary: three("The mobile app is not available.", "Aplicația mobilă nu este disponibilă.", "Мобильное приложение недоступно."),
			Advice:  three("Cards and cash machines work.", "Cardurile și bancomatele funcționează.", "Карты и банкоматы работают."),
		}),
		work(incident.Verifying, may(12, 4, 20), incident.Data{
			Summary:  three("The mobile app is coming back step by step.", "Aplicația mobilă revine treptat.", "Мобильное приложение постепенно возвращается."),
			Estimate: &incident.Estimate{At: may(12, 5, 0), Confidence: "high"},
		}),
		work(incident.Completed, may(12, 4, 50), incident.Data{
			Summary:    three("The mobile app is available again.", "Aplicația mobilă este din nou disponibilă.", "Мобильное приложение снова доступно."),
			ResolvedAt: new(may(12, 4, 45)),
		}),
		work(incident.Cancelled, may(11, 18, 0), incident.Data{
			Summary: three("The mobile app stays available.", "Aplicația mobilă rămâne disponibilă.", "Мобильное приложение останется доступным."),
			Cause:   three("we need more time to prepare", "avem nevoie de mai mult timp pentru pregătiri", "нужно больше времени на подготовку"),
			Advice:  three("We will tell you the new date ahead of time.", "Vă anunțăm din timp noua dată.", "О новой дате сообщим заранее."),
		}),
		only("cards", outage(incident.Correction, may(4, 18, 20), incident.Data{
			Summary:      three("Cash machines in the north work; only card payments are affected.", "Bancomatele din nord funcționează; sunt afectate doar plățile cu cardul.", "Банкоматы на севере работают; затронута только оплата картой."),
			NextUpdateAt: new(may(4, 18, 45)),
		})),
	}
}

// only narrows an update to one service.
func only(service string, u incident.Update) incident.Update {
	u.Affects.Services = []string{service}
	return u
}

// automatic returns what Tocsin says by itself: of the typical updates, with a service that works.
func automatic() []incident.Update {
	var updates []incident.Update
	for _, u := range story() {
		switch u.Status {
		case incident.Investigating, incident.Identified, incident.Monitoring, incident.InProgress, incident.Verifying:
			u.Automatic = incident.Holding
		case incident.Scheduled:
			u.Automatic = incident.Reminder
		default:
			continue
		}
		if u.Kind == incident.Outage {
			u.Unaffected = []string{"app"}
		} else {
			u.Unaffected = []string{"cards", "atm"}
		}
		updates = append(updates, u)
	}
	return updates
}

// minimal returns an update of every status that has only what the schema requires.
func minimal() []incident.Update {
	var updates []incident.Update
	for _, full := range story() {
		u := incident.Update{Time: full.Time}
		u.Kind, u.Status, u.Impact, u.StartedAt, u.Summary = full.Kind, full.Status, full.Impact, full.StartedAt, full.Summary
		switch u.Status {
		case incident.Scheduled:
			u.EndsAt = full.EndsAt
		case incident.Resolved:
			u.ResolvedAt = full.ResolvedAt
		case incident.Postmortem:
			u.Cause = full.Cause
		}
		updates = append(updates, u)
	}
	return updates
}
