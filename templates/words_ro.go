package templates

func romanian() *words {
	return &words{
		tag:  tag("ro"),
		days: [3]string{"ieri", "astăzi", "mâine"},
		months: [12]string{"ianuarie", "februarie", "martie", "aprilie", "mai", "iunie", "iulie",
			"august", "septembrie", "octombrie", "noiembrie", "decembrie"},
		date:        "%d %s",
		dateYear:    "%d %s %d",
		on:          "pe %s",
		at:          "%s, la %s",
		by:          "%s, până la %s",
		till:        [2]string{"până la %s", "până %s la %s"},
		since:       [2]string{"de la %s", "din %s, ora %s"},
		day:         unit{"one", "# zi", "few", "# zile", "other", "# de zile"},
		hour:        unit{"one", "# oră", "few", "# ore", "other", "# de ore"},
		minute:      unit{"one", "# minut", "few", "# minute", "other", "# de minute"},
		durationAnd: " și ",
		span:        "%s, între %s și %s",
		spanDays:    "din %s, ora %s, până pe %s, ora %s",
		and:         " și ",
		gsm:         true,
	}
}
