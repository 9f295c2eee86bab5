package statuspage

import (
	"fmt"
	"strings"
	"time"
)

// words are what a page says by itself, in one language.
type words struct {
	Language                          string // its own name
	Heading, Skip, Languages, Back    string
	States                            map[string]string // by the state of a page
	Now, Planned, History, Nothing    string
	Statuses                          map[string]string // by the status of an update
	Impact                            string
	Impacts                           map[string]string
	Began, When, Expected, NextUpdate string
	Ended, Lasted, LastUpdate, Zone   string
	Messages, ReadOn, Follow, Alerts  string
	Exercise                          string
	Recalled                          string // the title of an alert that withdraws another
	Outage, Maintenance               string // what a public alert calls the event
	months                            [12]string
	days, hours, minutes              string // after a number
}

// wordsOf returns the words for a locale (ro-MD has those of ro).
func wordsOf(locale string) (*words, bool) {
	language, _, _ := strings.Cut(strings.ToLower(locale), "-")
	switch language {
	case "en":
		return english(), true
	case "ro":
		return romanian(), true
	case "ru":
		return russian(), true
	}
	return nil, false
}

const clock = "15:04"

// date is "22 November 2026".
func (w *words) date(t time.Time) string {
	return fmt.Sprintf("%d %s %d", t.Day(), w.months[t.Month()-1], t.Year())
}

// moment is "22 November 2026, 18:05".
func (w *words) moment(t time.Time) string { return w.date(t) + ", " + t.Format(clock) }

// span is "12 May 2026, 01:00 – 05:00".
func (w *words) span(from, to time.Time) string {
	if w.date(from) == w.date(to) {
		return w.moment(from) + " – " + to.Format(clock)
	}
	return w.moment(from) + " – " + w.moment(to)
}

// lasted is "1 h 35 min".
func (w *words) lasted(d time.Duration) string {
	minutes := int(max(d.Round(time.Minute), time.Minute).Minutes())
	var parts []string
	for _, unit := range []struct {
		n    int
		name string
	}{{minutes / 1440, w.days}, {minutes / 60 % 24, w.hours}, {minutes % 60, w.minutes}} {
		if unit.n > 0 {
			parts = append(parts, fmt.Sprintf("%d\u00a0%s", unit.n, unit.name))
		}
	}
	return strings.Join(parts, " ")
}

func english() *words {
	return &words{
		Language: "English", Heading: "Service status", Skip: "Skip to the content", Languages: "Languages", Back: "All services",
		States: map[string]string{
			"operational": "All systems work", "maintenance": "Planned work is under way", "minor": "Minor disruption",
			"major": "Some services do not work", "critical": "A serious outage",
		},
		Now: "Now", Planned: "Planned work", History: "History", Nothing: "Nothing to report.",
		Statuses: map[string]string{
			"investigating": "Looking for the cause", "identified": "Being repaired", "monitoring": "Fixed, keeping watch", "resolved": "Resolved",
			"scheduled": "Planned", "in_progress": "Under way", "verifying": "Being checked", "completed": "Finished", "cancelled": "Cancelled",
			"postmortem": "What happened", "correction": "Correction",
		},
		Impact:  "Impact",
		Impacts: map[string]string{"minor": "minor", "major": "major", "critical": "critical"},
		Began:   "Began", When: "When", Expected: "Expected to be over", NextUpdate: "Next message by",
		Ended: "Ended", Lasted: "Lasted", LastUpdate: "Last message", Zone: "Times are those of the zone",
		Messages: "Messages", ReadOn: "Read on", Follow: "Follow", Alerts: "Alerts",
		Exercise: "This is an exercise. None of what is said here is real.",
		Recalled: "A message was withdrawn",
		Outage:   "Service outage", Maintenance: "Planned maintenance",
		months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		days:   "d", hours: "h", minutes: "min",
	}
}

func romanian() *words {
	return &words{
		Language: "Română", Heading: "Starea serviciilor", Skip: "Salt la conținut", Languages: "Limbi", Back: "Toate serviciile",
		States: map[string]string{
			"operational": "Toate sistemele funcționează", "maintenance": "Lucrări planificate în curs", "minor": "Perturbare minoră",
			"major": "Unele servicii nu funcționează", "critical": "Întrerupere gravă",
		},
		Now: "Acum", Planned: "Lucrări planificate", History: "Istoric", Nothing: "Nimic de semnalat.",
		Statuses: map[string]string{
			"investigating": "Căutăm cauza", "identified": "Remediem", "monitoring": "Remediat, urmărim", "resolved": "Rezolvat",
			"scheduled": "Planificat", "in_progress": "În curs", "verifying": "În verificare", "completed": "Încheiat", "cancelled": "Anulat",
			"postmortem": "Ce s-a întâmplat", "correction": "Rectificare",
		},
		Impact:  "Impact",
		Impacts: map[string]string{"minor": "minor", "major": "major", "critical": "critic"},
		Began:   "A început", When: "Când", Expected: "Estimăm încheierea", NextUpdate: "Următorul mesaj până la",
		Ended: "S-a încheiat", Lasted: "A durat", LastUpdate: "Ultimul mesaj", Zone: "Orele sunt cele din fusul orar",
		Messages: "Mesaje", ReadOn: "Citiți mai departe", Follow: "Urmăriți", Alerts: "Alerte",
		Exercise: "Acesta este un exercițiu. Nimic din cele spuse aici nu este real.",
		Recalled: "Un mesaj a fost retras",
		Outage:   "Întrerupere a serviciilor", Maintenance: "Lucrări planificate",
		months: [12]string{"ianuarie", "februarie", "martie", "aprilie", "mai", "iunie", "iulie", "august", "septembrie", "octombrie", "noiembrie", "decembrie"},
		days:   "z", hours: "h", minutes: "min",
	}
}

func russian() *words {
	return &words{
		Language: "Русский", Heading: "Состояние сервисов", Skip: "К содержанию", Languages: "Языки", Back: "Все сервисы",
		States: map[string]string{
			"operational": "Все системы работают", "maintenance": "Идут плановые работы", "minor": "Небольшие неполадки",
			"major": "Часть сервисов не работает", "critical": "Серьёзный сбой",
		},
		Now: "Сейчас", Planned: "Плановые работы", History: "История", Nothing: "Сообщений нет.",
		Statuses: map[string]string{
			"investigating": "Ищем причину", "identified": "Устраняем", "monitoring": "Устранено, наблюдаем", "resolved": "Устранено",
			"scheduled": "Запланировано", "in_progress": "Идут работы", "verifying": "Проверяем", "completed": "Завершено", "cancelled": "Отменено",
			"postmortem": "Что произошло", "correction": "Поправка",
		},
		Impact:  "Влияние",
		Impacts: map[string]string{"minor": "небольшое", "major": "значительное", "critical": "критическое"},
		Began:   "Началось", When: "Когда", Expected: "Ожидаемое окончание", NextUpdate: "Следующее сообщение до",
		Ended: "Закончилось", Lasted: "Длилось", LastUpdate: "Последнее сообщение", Zone: "Время указано в часовом поясе",
		Messages: "Сообщения", ReadOn: "Подробнее", Follow: "Следить", Alerts: "Оповещения",
		Exercise: "Это учения. Всё сказанное здесь происходит не на самом деле.",
		Recalled: "Сообщение отозвано",
		Outage:   "Сбой в работе сервисов", Maintenance: "Плановые работы",
		months: [12]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"},
		days:   "д", hours: "ч", minutes: "мин",
	}
}
