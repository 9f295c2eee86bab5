// Package playbook is what a team prepares in peacetime for the night on which it is needed: for which
// updates, which texts in which order of channels, who must approve them, how soon and how often customers
// hear, and how they are made good. What a playbook says of one update is frozen with it as [Terms].
package playbook
