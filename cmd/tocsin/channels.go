package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/all"
)

//go:generate go run . channels --into ../../channels/README.md

func (c *cli) channelsCommand() *cobra.Command {
	var markdown bool
	var into string
	cmd := &cobra.Command{
		Use:   "channels [PROVIDER]",
		Short: "List the adapters, or show the settings of one",
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			switch {
			case len(given) == 1:
				return c.showAdapter(given[0])
			case into != "":
				return writeAdapters(into, all.Specs())
			case markdown:
				return printAdapters(c.stdout, all.Specs(), markdownRow)
			}
			t := newTable(c.stdout)
			if err := printAdapters(t, all.Specs(), tableRow); err != nil {
				return err
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "as a Markdown table, for channels/README.md")
	cmd.Flags().StringVar(&into, "into", "", "write the Markdown table into a file, between two marks")
	_ = cmd.Flags().MarkHidden("into") // for go generate
	return cmd
}

// The marks between which a file holds the table.
const (
	tableBegin = "<!-- begin: table of `tocsin channels --markdown`, made by go generate -->\n"
	tableEnd   = "<!-- end: table of `tocsin channels --markdown` -->\n"
)

// writeAdapters puts the table into a file, which is made if it isn't there.
func writeAdapters(path string, specs []channels.Spec) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte("# Channels\n\n"+tableBegin+tableEnd), nil
	}
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s: the marks around the table are missing:\n%s%s", path, tableBegin, tableEnd)
	}
	var table strings.Builder
	if err := printAdapters(&table, specs, markdownRow); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+tableBegin+table.String()+tableEnd+after), 0o644)
}

func tableRow(cells []string) string { return strings.Join(cells, "\t") + "\n" }

func markdownRow(cells []string) string {
	for i, cell := range cells {
		if strings.HasPrefix(cell, "https://") {
			cells[i] = "[documentation](" + cell + ")"
		}
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// column is one column of the table of adapters.
type column struct {
	title string
	cell  func(a *adapter) string
}

// columns say of each adapter what its Spec says, and which optional interfaces its Sender has.
func columns() []column {
	return []column{
		{"Channel", func(a *adapter) string { return a.Channel }},
		{"Provider", func(a *adapter) string { return a.Provider }},
		{"Kind", func(a *adapter) string { return string(a.Kind) }},
		{"Proof", func(a *adapter) string { return proofs(a.Proofs) }},
		{"Receipts", (*adapter).receipts},
		{"No receipt means", func(a *adapter) string { return silence(&a.Spec) }},
		{"Can be asked", func(a *adapter) string { return yes(a.InquireAfter > 0) }},
		{"Recall", func(a *adapter) string { return recall(a.RecallWithin) }},
		{"Idempotent", func(a *adapter) string { return yes(a.Idempotent) }},
		{"Threads", func(a *adapter) string { return yes(a.Threads) }},
		{"Bulk", (*adapter).bulk},
		{"Limits", func(a *adapter) string { return limits(a.Limits) }},
		{"Documentation", func(a *adapter) string { return a.Docs }},
	}
}

// adapter is a Spec, and a Sender made of its example, to see what it can do.
type adapter struct {
	channels.Spec
	sender channels.Sender
}

// newAdapter makes the adapter of a Spec. Nothing is contacted.
func newAdapter(s channels.Spec) (*adapter, error) {
	decode := func(into any) error {
		d := yaml.NewDecoder(strings.NewReader(s.Example))
		d.KnownFields(true)
		return d.Decode(into)
	}
	sender, err := s.New(decode, channels.Env{HTTP: &http.Client{}, UserAgent: "tocsin"})
	if err != nil {
		return nil, fmt.Errorf("the example of %s: %w", s.Provider, err)
	}
	return &adapter{s, sender}, nil
}

// receipts says how word comes of what became of a message.
func (a *adapter) receipts() string {
	_, webhook := a.sender.(channels.CallbackParser)
	_, hears := a.sender.(channels.Listener)
	switch {
	case webhook && a.GivesReceipts():
		return "webhook"
	case hears:
		return "what comes back"
	case a.GivesReceipts():
		return "the answer itself"
	}
	return "none"
}

// bulk says how many recipients one call can have.
func (a *adapter) bulk() string {
	if b, ok := a.sender.(channels.BulkSender); ok {
		return fmt.Sprintf("up to %d", b.BulkLimit())
	}
	return "no"
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// printAdapters writes a table of what the adapters can do, row by row.
func printAdapters(w io.Writer, specs []channels.Spec, row func([]string) string) error {
	cols := columns()
	titles := make([]string, len(cols))
	for i, c := range cols {
		titles[i] = c.title
	}
	head := row(titles)
	if strings.HasPrefix(head, "|") {
		head += "|" + strings.Repeat(" --- |", len(cols)) + "\n"
	}
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	for _, s := range specs {
		a, err := newAdapter(s)
		if err != nil {
			return err
		}
		cells := make([]string, len(cols))
		for i, c := range cols {
			cells[i] = c.cell(a)
		}
		_, err = io.WriteString(w, row(cells))
		if err := errors.Join(err, a.sender.Close()); err != nil {
			return err
		}
	}
	return nil
}

func proofs(all []channels.Proof) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}

func silence(s *channels.Spec) string {
	switch {
	case s.Silence == channels.SilenceIsFailure:
		return "not delivered"
	case s.BounceWindow == 0:
		return "delivered, as far as is known"
	}
	return "delivered, if nothing bounces within " + span(s.BounceWindow)
}

func recall(within time.Duration) string {
	switch within {
	case 0:
		return "no"
	case channels.Always:
		return "yes"
	}
	return "within " + span(within)
}

func limits(l channels.Limits) string {
	rate := "no rate of its own"
	if l.PerSecond > 0 {
		rate = strconv.FormatFloat(l.PerSecond, 'f', -1, 64) + "/s"
	}
	return fmt.Sprintf("%s, %d at once", rate, l.Concurrency)
}

// showAdapter prints one adapter with an example of its configuration.
func (c *cli) showAdapter(provider string) error {
	e, ok := all.Find(provider)
	if !ok {
		var names []string
		for _, s := range all.Specs() {
			names = append(names, s.Provider)
		}
		return fmt.Errorf("no adapter %q: one of %s", provider, strings.Join(names, ", "))
	}
	a, err := newAdapter(e.Spec)
	if err != nil {
		return err
	}
	c.say("%s (%s)\n", a.Title, a.Kind)
	for _, col := range columns() {
		switch col.title {
		case "Channel", "Provider", "Kind":
			continue
		}
		c.say("%-17s %s", col.title+":", col.cell(a))
	}
	c.say("\nchannels:\n  %s:\n    provider: %s\n    settings:", a.Channel, a.Provider)
	for line := range strings.Lines(a.Example) {
		c.say("      %s", strings.TrimRight(line, "\n"))
	}
	return a.sender.Close()
}
