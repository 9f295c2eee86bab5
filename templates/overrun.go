package templates

import "github.com/tocsin-dev/tocsin/dispatcher/incident"

// Overrun is what there is to say of a maintenance that did not end as planned, where nobody has said
// more yet: the summary, and the short one.
func Overrun() (summary, short incident.Text) {
	return incident.Text{
			"en": "The planned work is taking longer than we expected, and the service is not fully back yet.",
			"ro": "Lucrările planificate durează mai mult decât am estimat, iar serviciul nu este încă restabilit complet.",
			"ru": "Плановые работы длятся дольше, чем мы ожидали, и сервис пока восстановлен не полностью.",
		}, incident.Text{
			"en": "The planned work is taking longer than expected.",
			"ro": "Lucrările planificate durează mai mult decât am estimat.",
			"ru": "Плановые работы затянулись.",
		}
}
