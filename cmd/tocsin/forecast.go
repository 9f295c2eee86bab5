package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/forecast"
	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

func (c *cli) forecastCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "forecast UPDATE",
		Short: "Say what an update will come to: whom it reaches, what it costs, how long it takes",
		Long: `Say what an update will come to before it goes out: the audience by channel and region, SMS
segments and money, the time to the last message, and the worst case if a channel is down. UPDATE is
the number of one that was taken in, whose forecast was made then, or a file as "tocsin publish"
reads it (- is the standard input): the running server looks at its directory, records nothing and
announces nothing. The exit status is 1 if a bound doesn't hold: the time for the first notice, the
playbook's bounds, the incident's budget.`,
		Example: "  tocsin forecast outage.yaml\n  tocsin forecast 3 --json",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return c.forecast(cmd.Context(), given[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, with all that it was made from")
	return cmd
}

// forecastOf is a forecast with the update that it is of, as people name it.
type forecastOf struct {
	Update string `json:"update"`
	forecast.Forecast
}

func (c *cli) forecast(ctx context.Context, update string, asJSON bool) error {
	all, err := c.forecasts(ctx, update)
	if err != nil {
		return err
	}
	var broken []string
	for i := range all {
		f := &all[i]
		if asJSON {
			err = printJSON(c.stdout, f)
		} else {
			c.say("update %s", f.Update)
			err = c.printForecast(&f.Forecast)
		}
		if err != nil {
			return err
		}
		for _, b := range f.Broken() {
			broken = append(broken, fmt.Sprintf("update %s: %s", f.Update, strings.ReplaceAll(string(b.Name), "_", " ")))
		}
	}
	if len(broken) > 0 {
		return errors.New("a bound doesn't hold: " + strings.Join(broken, "; "))
	}
	return nil
}

func (c *cli) printForecast(f *forecast.Forecast) error {
	var b strings.Builder
	if err := forecast.Print(&b, f); err != nil {
		return err
	}
	_, err := io.WriteString(c.stdout, visible(b.String()))
	return err
}

// forecasts are those of the update with a number, or of all updates of a file.
func (c *cli) forecasts(ctx context.Context, update string) ([]forecastOf, error) {
	if id, err := strconv.ParseInt(update, 10, 64); err == nil {
		api, err := c.api()
		if err != nil {
			return nil, err
		}
		f, err := api.Forecast(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("update %d: %w", id, err)
		}
		return []forecastOf{{update, f}}, nil
	}
	events, err := c.checkedUpdates(update, "forecast")
	if err != nil {
		return nil, err
	}
	api, err := c.api()
	if err != nil {
		return nil, err
	}
	all := make([]forecastOf, len(events))
	for i, ev := range events {
		name := fmt.Sprintf("%s/%s %s", ev.update.Team, ev.update.Incident, ev.update.Status)
		if all[i], err = draft(ctx, api, name, ev); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func draft(ctx context.Context, api *httpapi.Client, name string, ev event) (forecastOf, error) {
	f, err := api.ForecastDraft(ctx, ev.body)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return forecastOf{name, f}, err
}
