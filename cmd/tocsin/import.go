package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func (c *cli) importCommand() *cobra.Command {
	var format, rejects string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Add customers from a file, and replace those whose id is known",
		Long: `Add customers from a file of CSV or JSON lines, and replace those whose id is known; - reads
the standard input. Lines with a fault are not taken, and don't stop the rest.

CSV has a header with id and any of name, locale, zone, phone, email, address.CHANNEL, preferences,
consents, services, regions, segments; lists are separated by semicolons. A column value.NAME holds what
texts may say of the customer, such as the nearest branch in value.branch. JSON lines have the same
fields, "addresses": {"sms": "+37369123456", "email": "ana@example.com"} and "values": {"branch": "…"}.`,
		Args: args(cobra.ExactArgs(1)),
	}
	cmd.Flags().StringVar(&format, "format", "", formatHelp)
	cmd.Flags().StringVar(&rejects, "rejects", "", "file for what is wrong with the lines that were not taken")
	cmd.RunE = c.withDirectory(func(ctx context.Context, d directory, given []string) error {
		f, err := parseFormat(format, given[0])
		if err != nil {
			return err
		}
		in, size, err := c.openInput(given[0])
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		return c.importCustomers(ctx, d, customersFile{in, size, f}, rejects)
	})
	return cmd
}

// customersFile is a directory file to be imported; size is 0 if it isn't known.
type customersFile struct {
	io.Reader
	size   int64
	format audience.Format
}

func (c *cli) openInput(path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(c.stdin), 0, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// importCustomers imports a file, showing how far it is, and says what came of it.
func (c *cli) importCustomers(ctx context.Context, d directory, f customersFile, rejectsPath string) error {
	faults := &firstFaults{}
	rejects := io.Writer(faults)
	if rejectsPath != "" {
		out, err := os.OpenFile(rejectsPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer func() { _ = out.Close() }()
		rejects = out
	}
	progress, stop := c.importProgress(f.size)
	sum, err := d.ImportCustomers(ctx, f, f.format, progress, rejects)
	stop()
	if err != nil && sum.Lines == 0 {
		return err
	}
	c.say("%s lines: %s customers imported, %s lines not taken, %s replaced by a later line of the same id",
		thousands(int64(sum.Lines)), thousands(int64(sum.Imported)), thousands(int64(sum.Rejected)), thousands(int64(sum.Duplicates)))
	for _, reason := range mostFrequent(sum.Reasons) {
		c.say("  %s: %s", thousands(int64(sum.Reasons[reason])), reason)
	}
	_, _ = c.stderr.Write(faults.lines.Bytes())
	if err != nil {
		return fmt.Errorf("stopped after line %d: %w", sum.Through, err)
	}
	return nil
}

func mostFrequent(reasons map[string]int) []string {
	return slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), cmp.Compare(a, b))
	})
}

// firstFaults keeps the first lines that were not taken, to be shown where no file was asked for.
type firstFaults struct {
	lines bytes.Buffer
	n     int
}

const shownFaults = 5

func (f *firstFaults) Write(b []byte) (int, error) {
	if f.n < shownFaults {
		f.lines.Write(b)
	}
	if f.n == shownFaults {
		f.lines.WriteString("… use --rejects FILE for all of them\n")
	}
	f.n++
	return len(b), nil
}

// importProgress returns what shows how far an import is: a bar of bytes on a terminal, else a line
// now and then.
func (c *cli) importProgress(size int64) (show func(read int64, lines int), stop func()) {
	if !onTerminal(c.stderr) {
		return func(_ int64, lines int) {
			if lines%reportLines == 0 && lines > 0 {
				c.complain("%s lines read", thousands(int64(lines)))
			}
		}, func() {}
	}
	p := mpb.New(mpb.WithOutput(c.stderr), mpb.WithWidth(60))
	bar := p.AddBar(size,
		mpb.PrependDecorators(decor.Name("importing "), decor.CountersKibiByte("% .1f of % .1f")),
		mpb.AppendDecorators(decor.Percentage()), mpb.BarRemoveOnComplete())
	return func(read int64, _ int) { bar.SetCurrent(read) }, func() {
		bar.Abort(true)
		p.Wait()
	}
}

// reportLines is after how many lines an import says where it is, where there is no terminal.
const reportLines = 100_000
