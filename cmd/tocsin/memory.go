package main

import "runtime/debug"

const (
	gcPercent   = 400
	memoryLimit = 200 << 20
)

// tuneMemory has the collector run less often than by default while memory is small, and keeps
// memory small: what lives long in a server is little, whatever the number of recipients. GOGC and
// GOMEMLIMIT take precedence.
func (c *cli) tuneMemory() {
	if _, set := c.env("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	if _, set := c.env("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(memoryLimit)
	}
}
