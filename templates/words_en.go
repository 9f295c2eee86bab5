package templates

func english() *words {
	return &words{
		tag:  tag("en"),
		days: [3]string{"yesterday", "today", "tomorrow"},
		months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August",
			"September", "October", "November", "December"},
		date:        "%d %s",
		dateYear:    "%d %s %d",
		on:          "on %s",
		at:          "%[1]s at %[2]s",
		by:          "by %[2]s %[1]s",
		till:        [2]string{"by %s", "by %[2]s %[1]s"},
		since:       [2]string{"since %s", "since %[2]s on %[1]s"},
		day:         unit{"one", "# day", "other", "# days"},
		hour:        unit{"one", "# hour", "other", "# hours"},
		minute:      unit{"one", "# minute", "other", "# minutes"},
		durationAnd: " and ",
		span:        "%s from %s to %s",
		spanDays:    "from %[2]s on %[1]s to %[4]s on %[3]s",
		and:         " and ",
		gsm:         true,
	}
}
