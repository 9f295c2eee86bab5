package notification

import (
	"crypto/sha256"
	"encoding/hex"
)

// Topic names an incident towards providers, which need not know a team's own names: 32 characters of
// a-f and 0-9, always the same for the same incident.
func Topic(team, incident string) string {
	sum := sha256.Sum256([]byte(team + "\x00" + incident))
	return hex.EncodeToString(sum[:16])
}
