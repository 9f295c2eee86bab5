package playbook

import "github.com/tocsin-dev/tocsin/templates"

// Texts returns the renderer of the playbook's texts, those of its bases below its own.
func (p *Playbook) Texts() (*templates.Renderer, error) { return p.renderer() }
