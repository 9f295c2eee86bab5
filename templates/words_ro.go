package templates

func romanian() *words {
	return &words{
		days: [3]string{"ieri", "astăzi", "mâine"},
		months: [12]string{"ianuarie", "februarie", "martie", "aprilie", "mai", "iunie", "iulie",
			"august", "septembrie", "octombrie", "noiembrie", "decembrie"},
		date:     "%d %s",
		dateYear: "%d %s %d",
		on:       "pe %s",
		at:       "%s, la %s",
		by:       "%s, până la %s",
		span:     "%s, între %s și %s",
		spanDays: "din %s, ora %s, până pe %s, ora %s",
		and:      " și ",
		gsm:      true,
	}
}
