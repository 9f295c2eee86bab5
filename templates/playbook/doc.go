// Package playbook is what a team prepares in peacetime for the night on which it is needed: for which
// updates, which texts in which order of channels, who must approve them, how soon and how often customers
// hear, and how they are made good. What a playbook says of one update is frozen with it as [Terms].
//
// # A playbook
//
// It is a folder: playbook.yaml, and texts that differ from its base's in <locale>/<kind>.tmpl and
// <locale>/phrases.tmpl, as package templates reads them. What stands beside them in *.md, and hidden
// files, are for people. The keys of playbook.yaml, all optional:
//
//	name           that of the folder
//	base           the playbook that it builds on: generic, if none; its own name for the built-in one that
//	               it stands in for
//	description    for people
//	for            services, regions, kinds, impacts, statuses (each a list): for which updates it is
//	               chosen; nothing is for those that name it
//	cascade        rules {for, steps: [{channel, wait, proof}]}; no steps are the configuration's
//	approval       rules {for, people: 0|1|2, time_out, then: send|drop}
//	cadence        first_notice {impact: within}, every: rules {for, within}, remind, holding, notices
//	bounds         last_within, segments: what the forecast is held to
//	compensation   options {id, value, text: {locale: …}}; an update gives some by their ids
//	accounts       {channel: [address]}: the public accounts that post; others of the channel do not
//
// The `for` of a rule has kinds, impacts, statuses and automatic (holding, reminder). Of rules the first that
// fits an update counts, a playbook's own before its base's. Of the other keys each replaces the base's
// alone; options replace those of the same id, and notices as a whole.
//
// # Which is chosen
//
// The playbook that an update names; else of those that are for it the one that says most: services count
// most, then regions, impacts, statuses, kinds. Two that say as much, and are for the same updates, are a
// fault. What no other is for is told by [Generic].
//
// # Changing them
//
// [Load] refuses what can't be used, with everything that is wrong; [Check] finds also what may be used and
// was hardly meant. [Live] follows a folder while the program runs.
package playbook
