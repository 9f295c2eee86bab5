// Package forecast says before an update goes out whom it will reach and on which channels, what it will
// cost and how long it will take: as is usual, and at worst.
//
// What is forecast rests on what the planner would decide: each recipient's decision is counted by a
// [Tally] ([plan.Rules.For] made it), by cascade, language and country. [Make] then plays the cascades through,
// case by case:
//
//	all works      nobody's message fails
//	usual          as many fail on each channel as did lately (Experience), or as is assumed
//	a bad day      twice as many, and no fewer than BadRefused and BadLost
//	a channel is down, or all channels of one kind: everything on them fails, on a bad day for the others
//
// Expected is the usual case. Least and Most of a figure are the smallest and largest over all cases, four
// standard deviations of chance further apart. Of the cases in which something is down, the one that costs most
// is the forecast's [Worst].
//
// Time is a matter of the lanes' rates and the steps' waits: a lane takes what it has at its rate, and who
// is not reached goes on when the step's wait is over. What else is being sent at the time, and what this
// machine can do, are left out of account; [Inputs] says what was assumed.
//
// [Compare] holds what then happened against a forecast. Everything here is pure.
package forecast
