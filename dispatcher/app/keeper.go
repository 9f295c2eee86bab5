package app

import "github.com/tocsin-dev/tocsin/dispatcher"

// makeKeeper makes what keeps promises.
func (a *App) makeKeeper() {
	keeper := &dispatcher.Keeper{
		Ledger: a.ledger, Bus: a.bus, Day: a.Config.day(), Clock: a.Clock, Metrics: dispatcher.NewKeeperMetrics(a.registry), Log: a.Log,
	}
	a.runs = append(a.runs, a.oneAtATime("keeper", keeper.Run))
}
