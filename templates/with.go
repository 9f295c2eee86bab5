package templates

import "fmt"

// With returns a Renderer of the same texts that speaks with the names of another catalogue.
func (r *Renderer) With(c Catalogue) (*Renderer, error) {
	if err := c.check(r.locales); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	other := *r
	other.catalogue = c
	return &other, nil
}

// Catalogue returns the names that the texts speak with.
func (r *Renderer) Catalogue() Catalogue { return r.catalogue }
