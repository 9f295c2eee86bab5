// Package fallback is the role that sees to it that every notification ends: it hears what lanes
// report and what providers say, notices when they say nothing, goes on to the next step of the
// cascade where one has failed, and stops what a newer update has made stale.
//
// After planning it is the only writer of notifications and attempts. Whatever happens is an event;
// [Decide], a pure function over the table in package notification, says what an event makes of a
// notification; [Engine] gathers events, decides them, and commits what follows in one transaction.
// See DESIGN.md beside this file.
package fallback
