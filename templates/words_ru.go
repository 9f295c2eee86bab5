package templates

func russian() *words {
	return &words{
		tag:  tag("ru"),
		days: [3]string{"вчера", "сегодня", "завтра"},
		months: [12]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа",
			"сентября", "октября", "ноября", "декабря"},
		date:        "%d %s",
		dateYear:    "%d %s %d года",
		on:          "%s",
		at:          "%s в %s",
		by:          "%s до %s",
		till:        [2]string{"до %s", "%s до %s"},
		since:       [2]string{"с %s", "с %[2]s %[1]s"},
		day:         unit{"one", "# день", "few", "# дня", "many", "# дней", "other", "# дня"},
		hour:        unit{"one", "# час", "few", "# часа", "many", "# часов", "other", "# часа"},
		minute:      unit{"one", "# минуту", "few", "# минуты", "many", "# минут", "other", "# минуты"},
		durationAnd: " ",
		span:        "%s с %s до %s",
		spanDays:    "с %[2]s %[1]s до %[4]s %[3]s",
		and:         " и ",
	}
}
