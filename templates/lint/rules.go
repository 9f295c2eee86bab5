package lint

import "fmt"

// Rule is one thing that good messages do.
type Rule struct {
	Name     string
	Severity Severity
	// Doc says what the rule wants and why, as a sentence.
	Doc string

	check func(*message) []hit
}

// Rules returns all rules, in the order in which their findings are told. The table in the package's
// documentation is this one.
func Rules() []Rule {
	return []Rule{
		{"schema", Error, "The update can be read: whatever `tocsin publish` would refuse.", schema},
		{"renders", Error, "Every text can be made: no name or field is missing that it needs.", renders},
		{"locales", Error, "Every language that customers are written to has a summary.", locales},
		{"same-fields", Error, "What one language says, every one does: no advice for some readers only.", sameFields},
		{"same-times", Error, "Times of day agree between languages.", sameTimes},
		{"same-figures", Error, "Numbers agree between languages, in digits or in words.", sameFigures},
		{"same-links", Error, "Links agree between languages.", sameLinks},
		{"language", Error, "A text is in the language that it is said to be in, and was translated.", rightLanguage},
		{"mixed-script", Error, "No word mixes Latin and Cyrillic letters, as phishers' words do.", mixedScript},
		{"spelling", Warning, "Romanian is written with its letters: ș and ț with a comma, not a cedilla, and no text without any.", spelling},

		{"started-at", Error, "It began, or begins, at a time that can be.", startedAt},
		{"ends-at", Warning, "A maintenance says when it is planned to end, and speaks up when it doesn't.", endsAt},
		{"resolved-at", Warning, "What is over says since when.", resolvedAt},
		{"estimate", Error, "An estimate lies ahead, and says how sure it is.", estimate},
		{"missed-estimate", Error, "An estimate that didn't hold is named (`missed_estimate`) and apologised for.", missedEstimate},
		{"next-update", Error, "While it isn't over, the message says when the next one comes.", nextUpdate},
		{"way-around", Error, "While it isn't over, the message says what to do meanwhile, or that there is nothing.", wayAround},

		{"acknowledges", Error, "The first news says plainly that something doesn't work.", acknowledges},
		{"affected", Error, "The message says who and what is affected.", affected},
		{"where", Error, "The message says where, if it isn't everywhere.", where},
		{"apologises", Error, "The first notice, the end, the explanation and a correction say sorry.", apologises},
		{"hollow", Warning, "No phrases that say nothing: \"any inconvenience\", \"technical reasons\", \"working hard\".", hollow},
		{"blame", Error, "Nobody else is blamed, customers least.", blame},
		{"cause", Error, "What is resolved says why it happened, or that the cause will be told.", cause},
		{"postmortem", Error, "A postmortem says what is changed, beside the cause.", postmortem},

		{"vague-promise", Error, "No \"soon\" without a time.", vaguePromise},
		{"unsourced-promise", Error, "No time for the end that isn't the update's `estimate`, with its confidence.", unsourcedPromise},
		{"confidence", Error, "An estimate is worded by how sure it is.", confidence},
		{"absolute-promise", Error, "Nobody can promise that it never happens again.", absolutePromise},

		{"jargon", Warning, "Words of customers, not of engineers.", jargonWords},
		{"belittles", Warning, "What is major or critical isn't made small.", belittles},
		{"flippant", Warning, "No jokes on somebody else's bad day.", flippant},
		{"emoji", Warning, "Emoji are few, and there is none when it is critical.", emoji},
		{"exclamation", Warning, "No exclamation marks in a row.", exclamation},
		{"shouting", Warning, "No shouting in capitals.", shouting},
		{"sentence-length", Warning, "One idea a sentence: sentences are short.", sentenceLength},
		{"readability", Warning, "The words are short, too.", readability},
		{"repetition", Warning, "Nothing is said twice in a message.", repetition},

		{"sms-length", Error, "An SMS has one or two segments.", smsLength},
		{"sms-alphabet", Warning, "No single character makes an SMS twice as long.", smsAlphabet},
		{"sms-cost", Error, "An SMS costs no more than the bound.", smsCost},
		{"post-length", Error, "A post fits every network.", postLength},
		{"message-length", Warning, "A text for a messenger is one message.", messageLength},

		{"link-scheme", Error, "Links are https.", linkScheme},
		{"link-address", Error, "Links name a host: no bare IP addresses, no user names, no ports.", linkAddress},
		{"link-shortener", Error, "Links show where they lead: no shorteners.", linkShortener},
		{"link-lookalike", Error, "No link looks like one of the organisation's and is none: customers are phished during outages.", linkLookalike},
		{"link-domain", Error, "Links and mail addresses are on the organisation's domains.", linkDomain},
		{"asks-secrets", Error, "No message asks for a secret, or reads as if it did.", asksSecrets},
		{"personal-data", Error, "No number of a card, an account or a person in any text.", personalData},
		{"public-phone", Warning, "No phone number in a public text that isn't known to be the organisation's.", publicPhone},
		{"public-personal", Error, "A public post has no placeholders for a recipient's values.", publicPersonal},
		{"placeholder", Error, "Nothing is left to be filled in.", placeholder},
		{"placeholder-default", Error, "Every placeholder has a default, so that nobody is left out for a value they don't have.", placeholderDefault},
		{"markup", Error, "Plain text is plain: no tags and no Markdown, which customers would see.", markup},
	}
}

// schema tells the faults for which the update would be refused.
func schema(m *message) []hit {
	var hits []hit
	for _, f := range m.in.Faults {
		hits = append(hits, at(f.Path, f.Problem)...)
	}
	return hits
}

// renders tells the texts that could not be made.
func renders(m *message) []hit {
	var hits []hit
	for _, err := range m.in.Unrendered {
		hits = append(hits, unrendered(err))
	}
	return hits
}

func list(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", one)
	}
	return fmt.Sprintf("%d %s", n, many)
}
