// Package lint checks what is told to customers against what practice says of good outage messages.
//
// [Check] is pure: it takes an update, the texts that are rendered of it and what the organisation wants
// ([Settings]), and returns findings, each with its rule, how bad it is, where it is and what to do. [Update]
// renders the texts first; [Renderer] checks the texts of a playbook by sample updates that have nothing to
// find. A finding points at the update's field ("summary.ro") wherever its author can mend it there, and else
// at the text ("sms/ro").
//
// # Rules
//
//	schema               error    The update can be read: whatever `tocsin publish` would refuse.
//	renders              error    Every text can be made: no name or field is missing that it needs.
//	locales              error    Every language that customers are written to has a summary.
//	same-fields          error    What one language says, every one does: no advice for some readers only.
//	same-times           error    Times of day agree between languages.
//	same-figures         error    Numbers agree between languages, in digits or in words.
//	same-links           error    Links agree between languages.
//	language             error    A text is in the language that it is said to be in, and was translated.
//	mixed-script         error    No word mixes Latin and Cyrillic letters, as phishers' words do.
//	spelling             warning  Romanian is written with its letters: ș and ț with a comma, not a cedilla, and no text without any.
//	started-at           error    It began, or begins, at a time that can be.
//	ends-at              warning  A maintenance says when it is planned to end, and speaks up when it doesn't.
//	resolved-at          warning  What is over says since when.
//	estimate             error    An estimate lies ahead, and says how sure it is.
//	missed-estimate      error    An estimate that didn't hold is named (`missed_estimate`) and apologised for.
//	next-update          error    While it isn't over, the message says when the next one comes.
//	way-around           error    While it isn't over, the message says what to do meanwhile, or that there is nothing.
//	acknowledges         error    The first news says plainly that something doesn't work.
//	affected             error    The message says who and what is affected.
//	where                error    The message says where, if it isn't everywhere.
//	apologises           error    The first notice, the end, the explanation and a correction say sorry.
//	hollow               warning  No phrases that say nothing: "any inconvenience", "technical reasons", "working hard".
//	blame                error    Nobody else is blamed, customers least.
//	cause                error    What is resolved says why it happened, or that the cause will be told.
//	postmortem           error    A postmortem says what is changed, beside the cause.
//	vague-promise        error    No "soon" without a time.
//	unsourced-promise    error    No time for the end that isn't the update's `estimate`, with its confidence.
//	confidence           error    An estimate is worded by how sure it is.
//	absolute-promise     error    Nobody can promise that it never happens again.
//	jargon               warning  Words of customers, not of engineers.
//	belittles            warning  What is major or critical isn't made small.
//	flippant             warning  No jokes on somebody else's bad day.
//	emoji                warning  Emoji are few, and there is none when it is critical.
//	exclamation          warning  No exclamation marks in a row.
//	shouting             warning  No shouting in capitals.
//	sentence-length      warning  One idea a sentence: sentences are short.
//	readability          warning  The words are short, too.
//	repetition           warning  Nothing is said twice in a message.
//	sms-length           error    An SMS has one or two segments.
//	sms-alphabet         warning  No single character makes an SMS twice as long.
//	sms-cost             error    An SMS costs no more than the bound.
//	post-length          error    A post fits every network.
//	message-length       warning  A text for a messenger is one message.
//	link-scheme          error    Links are https.
//	link-address         error    Links name a host: no bare IP addresses, no user names, no ports.
//	link-shortener       error    Links show where they lead: no shorteners.
//	link-lookalike       error    No link looks like one of the organisation's and is none: customers are phished during outages.
//	link-domain          error    Links and mail addresses are on the organisation's domains.
//	asks-secrets         error    No message asks for a secret, or reads as if it did.
//	personal-data        error    No number of a card, an account or a person in any text.
//	public-phone         warning  No phone number in a public text that isn't known to be the organisation's.
//	public-personal      error    A public post has no placeholders for a recipient's values.
//	placeholder          error    Nothing is left to be filled in.
//	placeholder-default  error    Every placeholder has a default, so that nobody is left out for a value they don't have.
//	markup               error    Plain text is plain: no tags and no Markdown, which customers would see.
//
// E-mails, messengers' texts and web pages have room for everything that a rule wants; SMS, calls, notifications and
// posts must acknowledge, and name what and where, with the first news, and apologise at the end.
//
// # Languages
//
// What the rules look for is in words/<language>.yaml, each list with what it is and where its judgement comes
// from: English, Romanian and Russian. Settings add to it (Jargon) and take from it (Allowed). A text in
// another language is checked by the rules that need no words: lengths, links, placeholders, times.
//
// Words are compared in small letters and Romanian without its diacritics, since SMS go out without.
//
// # Readability
//
// A sentence may have 25 words in English and Romanian (GOV.UK, "Sentence length: why 25 words is our limit";
// at 25, readers begin to lose it) and 20 in Russian, which has no articles and says the same in a fifth
// fewer words. A sentence ends at its mark, at a colon or semicolon, and at the end of a line; a list of names is
// none.
//
// Words are measured with Björnsson's index (LIX: the mean length of sentences in words, and the share of words
// of more than six letters in per cent), since it needs no syllables and was made to compare languages (C. H.
// Björnsson, "Läsbarhet", 1968; "Readability of Newspapers in 11 Languages", Reading Research Quarterly 18,
// 1983). 50 is where texts begin to be difficult in it, of English as of the languages that it was made for. The
// bounds of Romanian and Russian lie as much higher as the same announcements, written in all three languages, measured:
// 43 and 45 where they have 28 in English. So they are 50, 65 and 67. Below 30 words the index says
// nothing, and is not taken.
//
// # Links
//
// Customers are phished while a bank is down, so that links must be beyond doubt. Where the organisation's
// domains are given, every other one is an error, and one that could be taken for an own one is told as what it is:
// letters of other alphabets or digits with the same looks (after Unicode Technical Standard 39), a letter off, or
// the own name as a part of a foreign host.
package lint
