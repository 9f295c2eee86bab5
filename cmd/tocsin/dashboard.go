package main

import (
	"net/url"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/app"
)

func (c *cli) dashboardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dashboard",
		Short: "Print the link that logs in to the dashboard",
		Long: `Print the link that logs in to the dashboard of the running server. Whoever has the
link may do everything: keep it to yourself.`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			e, err := c.endpoints()
			if err != nil {
				return err
			}
			c.say("%s", loginLink(e))
			return nil
		},
	}
}

// loginLink is the one place where a secret is printed: it is what was asked for.
func loginLink(e app.Endpoints) string {
	return e.HTTP + "/login?token=" + url.QueryEscape(e.Token)
}
