package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
)

func (c *cli) customersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "customers",
		Aliases: []string{"customer"},
		Short:   "Import, export and look at the customers to be told",
		Long: `Import, export and look at the customers to be told. They go through the API of the server
that runs on the data directory, and directly into the ledger if none does.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.importCommand(), c.exportCommand(), c.getCommand(), c.consentCommand(), c.deleteCommand(), c.countCommand(), c.generateCommand())
	return cmd
}

// withDirectory makes a command that works on the directory.
func (c *cli) withDirectory(f func(ctx context.Context, d directory, given []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, given []string) (err error) {
		d, done, err := c.openDirectory(cmd.Context())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, done()) }()
		return f(cmd.Context(), d, given)
	}
}

func (c *cli) exportCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write all customers to a file, or to the standard output",
		Args:  args(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().StringVar(&format, "format", "", formatHelp)
	cmd.RunE = c.withDirectory(func(ctx context.Context, d directory, given []string) error {
		if len(given) == 0 {
			f, err := parseFormat(format, "")
			if err != nil {
				return err
			}
			return d.ExportCustomers(ctx, c.stdout, f)
		}
		f, err := parseFormat(format, given[0])
		if err != nil {
			return err
		}
		return writeFile(given[0], func(w io.Writer) error { return d.ExportCustomers(ctx, w, f) })
	})
	return cmd
}

const formatHelp = "csv or jsonl (default: by the file's name, else jsonl)"

// parseFormat returns the format that was asked for, or else that of a file's name.
func parseFormat(format, path string) (audience.Format, error) {
	if format == "" {
		format = strings.TrimPrefix(filepath.Ext(path), ".")
		if _, err := audience.ParseFormat(format); err != nil {
			format = string(audience.JSONL)
		}
	}
	f, err := audience.ParseFormat(format)
	if err != nil {
		return "", usageError{fmt.Errorf("--format: %w", err)}
	}
	return f, nil
}

// writeFile makes a file that only its owner can read: there are addresses in it. One that could not
// be written whole is removed.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func (c *cli) getCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show one customer",
		Long: `Show one customer. Addresses under "dead" were refused by a provider as invalid: nothing is
sent to them until an import brings others. Channels under "withdrawn" are those that the customer has
left: nothing is sent on them, whatever is imported, until the customer comes back or an operator has them
back (consent).`,
		Args: args(cobra.ExactArgs(1)),
		RunE: c.withDirectory(func(ctx context.Context, d directory, given []string) error {
			r, err := d.Customer(ctx, given[0])
			if err != nil {
				return noCustomer(given[0], err)
			}
			return printJSON(c.stdout, r)
		}),
	}
}

func noCustomer(id string, err error) error {
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("no customer %s", strconv.Quote(id))
	}
	return err
}

func (c *cli) deleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID",
		Short: "Forget everything known of one customer but the id",
		Args:  args(cobra.ExactArgs(1)),
		RunE: c.withDirectory(func(ctx context.Context, d directory, given []string) error {
			if err := d.DeleteCustomer(ctx, given[0]); err != nil {
				return noCustomer(given[0], err)
			}
			c.say("customer %s deleted", strconv.Quote(given[0]))
			return nil
		}),
	}
}

func (c *cli) countCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "count",
		Short: "Count the customers",
		Args:  args(cobra.NoArgs),
		RunE: c.withDirectory(func(ctx context.Context, d directory, _ []string) error {
			n, err := d.CountCustomers(ctx)
			if err != nil {
				return err
			}
			c.say("%d", n)
			return nil
		}),
	}
}
