// Package smtp gives e-mail to an SMTP relay: a company's own mail server or a mail service's
// submission port. It follows RFC 5321, with the extensions STARTTLS (RFC 3207), AUTH (RFC 4954),
// ENHANCEDSTATUSCODES (RFC 2034) and PIPELINING (RFC 2920) where the relay offers them.
//
// # Sessions
//
// Connecting, TLS and AUTH cost several round trips and more CPU time than a message, so sessions are
// kept and used again: one for each Send that is under way, made by wneessen/go-mail. A transaction
// is then two round trips: MAIL, RCPT and DATA go out together, the message follows when all three
// were answered. That is done here, on go-mail's session, because go-mail waits for each answer, and
// because only who writes the commands knows for certain how far a transaction came that broke off:
//
//   - before the message was begun, nothing can have been accepted: the error is Unavailable, and a
//     session that the relay had closed while it was idle is replaced within the same Send;
//   - after it was begun and before the relay answered, the message may have gone out: Unknown.
//
// # Messages
//
// A message has one recipient. Its Message-ID and, with bounce_address or bounce_domain, its envelope
// sender are made of the attempt's Ref, so that a bounce leads back to the attempt. All messages about
// an incident are one conversation. Header and bodies are pure ASCII (RFC 2047, quoted-printable), so
// that no relay on the way has a reason to recode them and to break a DKIM signature.
//
// Signing (RFC 6376) is best left to the relay. With dkim it is done here: RSA costs some 2 ms of CPU
// time a message, more than all else together, Ed25519 (RFC 8463) a tenth of that, but not every
// receiver knows it yet; one key of each makes two signatures.
//
// # Bounces
//
// SMTP reports no deliveries. A relay's acceptance is the proof, and bounces come later, by mail, in the
// ways that bounces names: see package bounce. Where the relay offers DSN (RFC 3461) it is asked to
// report failures, and to quote no more than the header in them.
package smtp

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email"
)

// Spec describes the adapter.
func Spec() channels.Spec {
	return channels.Spec{
		Provider:     "smtp",
		Title:        "E-mail through an SMTP relay",
		Kind:         channels.Email,
		Channel:      "email",
		Proofs:       []channels.Proof{channels.Accepted},
		CheckAddress: email.CheckAddress,
		Silence:      channels.SilenceIsPresumed,
		// A relay learns of an unknown mailbox as soon as it has tried, within minutes. What it has
		// not delivered after four hours it reports as delayed (the usual warning time of MTAs), and
		// then goes on for days (RFC 5321, section 4.5.4.1), for which no outage notice can wait.
		BounceWindow: 4 * time.Hour,
		Limits: channels.Limits{
			// A relay has no rate of its own that could be known here.
			PerSecond: 0,
			// Below the 20 to 50 connections that MTAs commonly grant to one client.
			Concurrency: 16,
			// RFC 5321, section 4.5.3.2, grants ten minutes after the final dot, in which relays
			// filter; but an attempt that hangs so long has lost its news.
			Timeout: time.Minute,
		},
		Docs: "https://www.rfc-editor.org/rfc/rfc5321",
		Example: `host: relay.example.com
port: 587
tls: starttls
username: tocsin
password: change-me
from: Example Bank <notices@example.com>
bounce_address: bounces@example.com
bounces:
  listen: smtp://127.0.0.1:2525
`,
		New: New,
	}
}
