package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/email"
)

// reply is a relay's refusal, in the two forms in which relays say it: the three digits of RFC 5321,
// section 4.2, and the enhanced code of RFC 3463, which is empty where a relay gives none.
type reply struct {
	code     int
	enhanced string // "5.1.1"
	text     string
}

func parseReply(answer *textproto.Error) reply {
	first, rest, _ := strings.Cut(answer.Msg, " ")
	if isEnhanced(first) {
		return reply{answer.Code, first, rest}
	}
	return reply{answer.Code, "", answer.Msg}
}

// isEnhanced reports whether s is the enhanced code of a refusal.
func isEnhanced(s string) bool {
	status, ok := email.ParseStatus(s)
	return ok && status.Class != 2
}

// String is the code as operators look it up: "550 5.1.1".
func (r reply) String() string {
	if r.enhanced == "" {
		return strconv.Itoa(r.code)
	}
	return strconv.Itoa(r.code) + " " + r.enhanced
}

// subject and detail of the enhanced code, after its class: "1.1".
func (r reply) condition() string {
	if r.enhanced == "" {
		return ""
	}
	return r.enhanced[2:]
}

// class is what a refusal at a step means for the attempt.
func (r reply) class(at step) channels.Class {
	switch {
	case r.refusesUs():
		return channels.Auth
	case r.code < 500:
		return r.temporary(at)
	case r.badMailbox(at):
		return channels.InvalidAddress
	}
	return channels.Rejected
}

// refusesUs reports whether credentials are missing or wrong (RFC 4954, section 6).
func (r reply) refusesUs() bool {
	switch r.code {
	case 530, 534, 535, 538:
		return true
	}
	return r.code >= 500 && (r.condition() == "7.8" || r.condition() == "7.9" || r.enhanced == "5.7.0" && r.code == 502)
}

// temporary classifies a 4xx. A relay that takes a message for a mailbox it doesn't host has nothing
// to say of that mailbox; where it has all the same (X.1 and X.2, a full mailbox), that is no reason
// to take the relay for broken, and trying again within the life of the news is of no use.
func (r reply) temporary(at step) channels.Class {
	condition := r.condition()
	switch {
	case strings.HasPrefix(condition, "7."), condition == "4.5", condition == "5.3":
		return channels.RateLimited // policy, congestion, too many
	case at != stepSender && (strings.HasPrefix(condition, "1.") || strings.HasPrefix(condition, "2.")):
		return channels.Rejected
	case condition == "" && (r.code == 450 || r.code == 454):
		return channels.RateLimited // greylisting; 454 is how Amazon SES throttles
	}
	return channels.Unavailable
}

// badMailbox reports whether a 5xx means that this address can't be reached: by the enhanced code
// whatever the step (a relay may look the mailbox up as late as at the final dot, and the message
// has one recipient), else by the code of an answer to RCPT.
func (r reply) badMailbox(at step) bool {
	if r.enhanced == "" {
		return at == stepRecipient && (r.code == 550 || r.code == 551 || r.code == 553 || r.code == 556)
	}
	status, ok := email.ParseStatus(r.enhanced)
	return ok && at != stepSender && status.BadMailbox()
}

// classify says what a failed transaction means.
func (f *failure) classify(ctx context.Context, address string) *channels.Error {
	if answer := f.refusal(); answer != nil {
		r := parseReply(answer)
		return &channels.Error{Class: r.class(f.at), Code: r.String(), Err: fmt.Errorf("answer to %s%s", f.at, r.quote(address))}
	}
	if f.at == stepSign {
		return &channels.Error{Class: channels.Unavailable, Code: "dkim", Err: f.cause}
	}
	class := channels.Unavailable
	if f.at == stepContent {
		class = channels.Unknown
	}
	return &channels.Error{Class: class, Code: lossCode(ctx, f.cause), Err: fmt.Errorf("at %s: %w", f.at, f.cause)}
}

// maxQuote bounds how much of a relay's text goes into an error, in octets.
const maxQuote = 200

// quote is the relay's text in a form that goes into an error: "" where it may hold an address.
// Relays repeat the recipient's, or only what is before its @, and our own.
func (r reply) quote(address string) string {
	local, _, _ := strings.Cut(address, "@")
	text := strings.Join(strings.Fields(r.text), " ")
	if text == "" || len(text) > maxQuote || !isASCII(text) || strings.Contains(text, "@") ||
		local != "" && strings.Contains(strings.ToLower(text), strings.ToLower(local)) {
		return ""
	}
	return ": " + text
}

// withoutAnswer keeps the text of an answer that makes no sense out of an error.
func withoutAnswer(err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("unexpected answer %d", answer.Code)
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return errors.New("not an SMTP answer")
	}
	return err
}

// lossCode is a word for a session that broke down.
func lossCode(ctx context.Context, err error) string {
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case ctx.Err() != nil, ok && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case isTLS(err):
		return "tls"
	}
	return "connection_lost"
}

// openingError says why no session could be opened. Nothing has gone out then.
func openingError(ctx context.Context, err error) *channels.Error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok && answer.Code >= 400 && answer.Code < 600 {
		r := parseReply(answer)
		class := channels.Unavailable // also for 5xx: the relay doesn't speak to us at all
		if r.refusesUs() {
			class = channels.Auth
		} else if c := r.class(stepReset); c == channels.RateLimited && answer.Code != 454 {
			class = c // RFC 4954 has 454 for an AUTH that fails for now
		}
		return &channels.Error{Class: class, Code: r.String(), Err: errors.New("opening a session" + r.quote(""))}
	}
	class, code := openingCode(ctx, err)
	return &channels.Error{Class: class, Code: code, Err: fmt.Errorf("opening a session: %w", withoutAnswer(err))}
}

// openingCode sorts out failures to open a session without an answer that says why.
func openingCode(ctx context.Context, err error) (channels.Class, string) {
	if errors.Is(err, errNotOffered) {
		return channels.Auth, "auth_not_offered"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok && ctx.Err() == nil {
		return channels.Unavailable, "dns"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" && !op.Timeout() {
		return channels.Unavailable, "connect"
	}
	if code := lossCode(ctx, err); code != "connection_lost" || isNetwork(err) {
		return channels.Unavailable, code
	}
	return channels.Unavailable, "session" // go-mail's own refusals, of a relay without STARTTLS above all
}

func isNetwork(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// isTLS reports whether err arose in a TLS handshake.
func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}
