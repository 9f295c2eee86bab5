package rows

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// JoinWithdrawn writes withdrawals into one column: lines of channel, tab, milliseconds since 1970, tab,
// source.
func JoinWithdrawn(ws []audience.Withdrawal) string {
	lines := make([]string, len(ws))
	for i, w := range ws {
		lines[i] = w.Channel + "\t" + strconv.FormatInt(w.At.UnixMilli(), 10) + "\t" + string(w.Source)
	}
	return strings.Join(lines, "\n")
}

// SplitWithdrawn is the reverse of JoinWithdrawn.
func SplitWithdrawn(s string) []audience.Withdrawal {
	if s == "" {
		return nil
	}
	var ws []audience.Withdrawal
	for line := range strings.SplitSeq(s, "\n") {
		channel, rest, _ := strings.Cut(line, "\t")
		at, source, _ := strings.Cut(rest, "\t")
		ms, _ := strconv.ParseInt(at, 10, 64) // a damaged time doesn't give a consent back
		ws = append(ws, audience.Withdrawal{Channel: channel, At: time.UnixMilli(ms).UTC(), Source: audience.Source(source)})
	}
	return ws
}

// Standing returns the consents that hold: those that the directory was told of without the channels
// that were left. The list given is not changed.
func Standing(consents []string, withdrawn []audience.Withdrawal) []string {
	if len(withdrawn) == 0 {
		return consents
	}
	var standing []string
	for _, channel := range consents {
		if !slices.ContainsFunc(withdrawn, func(w audience.Withdrawal) bool { return w.Channel == channel }) {
			standing = append(standing, channel)
		}
	}
	return standing
}

// Customers takes the numbers off recipients.
func Customers(rs []ledger.Recipient) []audience.Recipient {
	all := make([]audience.Recipient, len(rs))
	for i := range rs {
		all[i] = rs[i].Recipient
	}
	return all
}
