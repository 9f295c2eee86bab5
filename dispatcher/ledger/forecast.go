package ledger

// ForecastsAmong is among how many of the newest updates NextToForecast looks, so that a look costs the same
// however many there are.
const ForecastsAmong = 100
