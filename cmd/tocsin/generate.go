package main

import (
	"fmt"
	"io"
	"iter"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
)

func (c *cli) generateCommand() *cobra.Command {
	var format string
	var seed uint64
	cmd := &cobra.Command{
		Use:     "generate N",
		Short:   "Make up customers, for trying things: nobody's address is among theirs",
		Example: "  tocsin customers generate 1000 > customers.jsonl\n  tocsin customers import customers.jsonl",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			n, err := strconv.Atoi(given[0])
			if err != nil || n < 0 {
				return usageError{fmt.Errorf("%q is not a number of customers", given[0])}
			}
			f, err := parseFormat(format, "")
			if err != nil {
				return err
			}
			return writeCustomers(c.stdout, f, audience.DefaultMix(), n, seed)
		},
	}
	cmd.Flags().StringVar(&format, "format", "", formatHelp)
	cmd.Flags().Uint64Var(&seed, "seed", 1, "the same seed makes up the same customers")
	return cmd
}

// writeCustomers makes up customers as a directory file.
func writeCustomers(w io.Writer, f audience.Format, mix audience.Mix, n int, seed uint64) error {
	channels := make([]string, len(mix.Channels))
	for i, ch := range mix.Channels {
		channels[i] = ch.Name
	}
	_, err := audience.Export(w, f, channels, sure(audience.Generate(n, seed, mix)))
	return err
}

// sure is a sequence of what never fails.
func sure[T any](seq iter.Seq[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v := range seq {
			if !yield(v, nil) {
				return
			}
		}
	}
}
