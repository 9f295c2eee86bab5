package templates

func russian() *words {
	return &words{
		days: [3]string{"вчера", "сегодня", "завтра"},
		months: [12]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа",
			"сентября", "октября", "ноября", "декабря"},
		date:     "%d %s",
		dateYear: "%d %s %d года",
		on:       "%s",
		at:       "%s в %s",
		by:       "%s до %s",
		span:     "%s с %s до %s",
		spanDays: "с %[2]s %[1]s до %[4]s %[3]s",
		and:      " и ",
	}
}
