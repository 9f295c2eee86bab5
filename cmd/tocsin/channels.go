package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

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

// printAdapters writes a table of what the adapters can do, row by row.
func printAdapters(w io.Writer, specs []channels.Spec, row func([]string) string) error {
	head := row([]string{"Channel", "Provider", "Kind", "Proof", "No receipt means", "Can be asked", "Limits", "Documentation"})
	if strings.HasPrefix(head, "|") {
		head += "|" + strings.Repeat(" --- |", 8) + "\n"
	}
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	for i := range specs {
		if _, err := io.WriteString(w, row(adapterCells(&specs[i]))); err != nil {
			return err
		}
	}
	return nil
}

func adapterCells(s *channels.Spec) []string {
	return []string{s.Channel, s.Provider, string(s.Kind), proofs(s.Proofs), silence(s), asked(s), limits(s.Limits), s.Docs}
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

// asked says whether the provider can be asked what became of a message.
func asked(s *channels.Spec) string {
	if s.InquireAfter > 0 {
		return "yes"
	}
	return "no"
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
	s := e.Spec
	c.say("%s (%s)\n", s.Title, s.Kind)
	c.say("Proof:            %s\nNo receipt means: %s\nCan be asked:     %s\nLimits:           %s\nDocumentation:    %s\n", proofs(s.Proofs), silence(&s), asked(&s), limits(s.Limits), s.Docs)
	c.say("channels:\n  %s:\n    provider: %s\n    settings:", s.Channel, s.Provider)
	for line := range strings.Lines(s.Example) {
		c.say("      %s", strings.TrimRight(line, "\n"))
	}
	return nil
}
