// Package templates turns updates into the texts that customers read.
//
// There is a text for every status, kind of channel and language, in texts/<locale>/<kind>.tmpl (some
// kinds say what another one's text says), and a [Renderer] fills it from an update and the [Catalogue] of names. The result is a
// [notification.Content]: final but for placeholders, whose values a [Filler] makes from each recipient.
//
// # Writing texts
//
// Texts are Go templates (https://pkg.go.dev/text/template). A kind's file defines one template a
// status, named after it; for e-mail two, "resolved.subject" and "resolved.text". The HTML of an
// e-mail is laid out from its text (texts/layout.html.tmpl), so that both say the same. Phrases
// that the kinds share are in phrases.tmpl. White space does not matter: an SMS becomes one line,
// a subject too, and elsewhere paragraphs end up one blank line apart.
//
// A layer ([Options]) is a folder of the same files with what is to be said otherwise: a whole status, or one
// phrase. A folder named after a region's language, such as ro-MD, has what differs from ro.
//
// Values of the update, in the text's language ("" where the update has none, so that {{with}}
// leaves them out):
//
//	.Organisation .Summary .Brief     always there, or else rendering fails; Brief is the short
//	                                  summary, or the summary where there is no short one
//	.Affected .Unaffected .Where      names of the services that are affected and that work, and of the
//	                                  regions, listed
//	.Advice .Cause .Compensation      whole sentences; behind the advice stands, for readers of a region that
//	                                  has one, its alternative
//	.Link                             where to read on
//	.StartedAt .EndsAt .ResolvedAt    times: {{.StartedAt.At}} is "today at 18:00", {{.EndsAt.By}}
//	.MissedEstimate .NextUpdateAt     "by 18:00 today", {{.EndsAt.Till}} "by 18:00", or "by 18:00 tomorrow",
//	                                  {{.StartedAt.Since}} "since 18:00"
//	.Estimate                         a time too, with .High and .Medium confidence
//	.Window .Hours                    from when to when a maintenance is planned, and the same in short
//	.Lasted                           how long it took: "2 hours and 35 minutes"
//	.Maintenance                      whether it is one
//	.Holding .Reminder                whether Tocsin says this by itself: nothing is new yet, or a
//	                                  maintenance comes closer
//
// Functions:
//
//	{{need "cause" .Cause}}           the value, or an error that names it
//	{{recipient "branch" "a branch"}} the recipient's value, or the default; "name" is the name
//	{{facts "Label" value …}}         lines of labels and values, those without a value left out
//	{{say "next" .}}                  what {{template "next" .}} writes, as a value
//	{{plural n "one" "# hour" …}}     the form for a number, by the language's rules in CLDR
//	{{may 3 .Advice}}                 text that is left out where there is no room
//	{{rather 3 .Summary .Brief}}      the first text where there is room for it, else the second
//
// # Texts that fit
//
// An SMS has two segments, a post 280 of X's characters; [Measure] knows how much each kind has. Nothing is
// cut: a text says itself what it can do without, by may and rather, with ranks from 1 to 9. Where not
// everything fits, the parts of rank 1 are put in first, then those of rank 2, and each later one for which there is
// still room. What stands outside of them is always said. A text that is too long even so is a mistake: [New]
// refuses one whose own words are too many, [Fits] tells of one that an update makes too long. In an
// outage it goes out as it is.
//
// # Readers' own values
//
// Times, alternatives and recipients' values are placeholders. The default of a time is what it is called in
// the catalogue's zone, so that only readers elsewhere have a value: the time on their own clock, and the day as they
// count it. Lengths are measured with defaults and the longest alternative; a recipient's own value may make an
// SMS longer, so keep those of texts for SMS short. What is public (social, web) has no reader's own values.
//
// A text is tried with a sample update when the Renderer is made: a text that is missing or can't be
// rendered is found then, and not in the night when it is needed.
package templates
