package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/channels/all"
	"github.com/tocsin-dev/tocsin/dispatcher/app"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

// directory is the customers that Tocsin knows: through the running server's API, or in the ledger.
type directory interface {
	// ImportCustomers reads a directory file; rejects may be nil.
	ImportCustomers(ctx context.Context, r io.Reader, f audience.Format, progress func(bytes int64, lines int), rejects io.Writer) (audience.Summary, error)
	ExportCustomers(ctx context.Context, w io.Writer, f audience.Format) error
	Customer(ctx context.Context, id string) (audience.Recipient, error)
	SetConsent(ctx context.Context, c ledger.Consent) (ledger.ConsentReport, error)
	DeleteCustomer(ctx context.Context, id string) error
	CountCustomers(ctx context.Context) (int64, error)
}

// openDirectory returns the server's API while one runs, and the ledger otherwise, with the function
// that closes it.
func (c *cli) openDirectory(ctx context.Context) (directory, func() error, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, nil, err
	}
	e, err := app.ReadEndpoints(cfg.DataDir)
	switch {
	case err == nil && e.HTTP != "":
		return httpapi.NewClient(e.HTTP, e.Token), func() error { return nil }, nil
	case err != nil && !errors.Is(err, app.ErrNotRunning):
		return nil, nil, err
	}
	checker, err := app.Checker(cfg, all.Specs())
	if err != nil {
		return nil, nil, err
	}
	l, done, err := app.OpenLedger(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	return &ledgerDirectory{l, checker}, done, nil
}

// ledgerDirectory works on the ledger, while no server does.
type ledgerDirectory struct {
	ledger interface {
		audience.Store
		Recipients(ctx context.Context) iter.Seq2[audience.Recipient, error]
		Recipient(ctx context.Context, id string) (audience.Recipient, error)
		SetConsent(ctx context.Context, c ledger.Consent) (ledger.ConsentReport, error)
		DeleteRecipient(ctx context.Context, id string) error
		CountRecipients(ctx context.Context) (int64, error)
		NoteImport(ctx context.Context, at time.Time) error
	}
	checker *audience.Checker
}

func (d *ledgerDirectory) ImportCustomers(ctx context.Context, r io.Reader, f audience.Format, progress func(int64, int), rejects io.Writer) (audience.Summary, error) {
	sum, err := audience.Import(ctx, audience.Read(r, f), d.checker, d.ledger, audience.ImportOptions{Rejects: rejects, Progress: progress})
	if err != nil {
		return sum, err
	}
	return sum, d.ledger.NoteImport(ctx, time.Now())
}

func (d *ledgerDirectory) ExportCustomers(ctx context.Context, w io.Writer, f audience.Format) error {
	var columns []string
	if f == audience.CSV {
		for r, err := range d.ledger.Recipients(ctx) {
			if err != nil {
				return err
			}
			columns = addChannels(columns, &r)
		}
	}
	_, err := audience.Export(w, f, columns, d.ledger.Recipients(ctx))
	return err
}

// addChannels adds the channels on which a customer has an address.
func addChannels(columns []string, r *audience.Recipient) []string {
	for _, a := range r.Addresses {
		if !slices.Contains(columns, a.Channel) {
			columns = append(columns, a.Channel)
		}
	}
	return columns
}

func (d *ledgerDirectory) Customer(ctx context.Context, id string) (audience.Recipient, error) {
	return d.ledger.Recipient(ctx, id)
}

func (d *ledgerDirectory) SetConsent(ctx context.Context, c ledger.Consent) (ledger.ConsentReport, error) {
	if !d.checker.Knows(c.Channel) {
		return ledger.ConsentReport{}, fmt.Errorf("there is no channel %q", c.Channel)
	}
	c.Source, c.At = audience.ByOperator, time.Now()
	return d.ledger.SetConsent(ctx, c)
}

func (d *ledgerDirectory) DeleteCustomer(ctx context.Context, id string) error {
	return d.ledger.DeleteRecipient(ctx, id)
}

func (d *ledgerDirectory) CountCustomers(ctx context.Context) (int64, error) {
	return d.ledger.CountRecipients(ctx)
}
