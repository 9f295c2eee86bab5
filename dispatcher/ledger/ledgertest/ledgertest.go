// Package ledgertest is the suite that every store of the ledger passes: [Run] it with a function
// that opens an empty store.
package ledgertest

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/incident"
	"github.com/tocsin-dev/tocsin/dispatcher/ledger"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
	"github.com/tocsin-dev/tocsin/dispatcher/promise"
)

// Store is everything that the roles together need of a ledger.
type Store interface {
	// The directory.
	PutRecipients(ctx context.Context, rs []audience.Recipient) error
	Recipient(ctx context.Context, id string) (audience.Recipient, error)
	RecipientsAfter(ctx context.Context, after, until int64, limit int, ids []string) ([]ledger.Recipient, error)
	UnknownRecipients(ctx context.Context, ids []string, until int64) ([]string, error)
	RecipientsByNumber(ctx context.Context, numbers []int64) ([]ledger.Recipient, error)
	Recipients(ctx context.Context) iter.Seq2[audience.Recipient, error]
	DeleteRecipient(ctx context.Context, id string) error
	CountRecipients(ctx context.Context) (int64, error)
	SetConsent(ctx context.Context, c ledger.Consent) (ledger.ConsentReport, error)
	CustomersAt(ctx context.Context, channel, address string) ([]audience.Recipient, error)
	QueuedFor(ctx context.Context, recipients []int64) ([]notification.Notification, error)
	NoteImport(ctx context.Context, at time.Time) error
	Imported(ctx context.Context) (time.Time, error)

	// Updates.
	RecordUpdate(ctx context.Context, u incident.Update, decide func(*incident.Incident) (ledger.NewUpdate, error)) (bool, error)
	RecordRejection(ctx context.Context, r ledger.Rejection) error
	Approve(ctx context.Context, id int64, a ledger.Approval) (ledger.ApprovalReport, error)
	Refuse(ctx context.Context, id int64, a ledger.Approval) (ledger.ApprovalReport, error)
	TimeOut(ctx context.Context, id int64, now time.Time) (ledger.ApprovalReport, error)
	Approvals(ctx context.Context, update int64) ([]ledger.ApprovalSaid, error)
	HeldUpdates(ctx context.Context) ([]ledger.HeldUpdate, error)
	Update(ctx context.Context, id int64) (ledger.Update, error)
	Texts(ctx context.Context, update int64) ([]ledger.Text, error)
	RecordForecast(ctx context.Context, update int64, forecast []byte) error
	Forecast(ctx context.Context, update int64) ([]byte, error)
	NextToForecast(ctx context.Context, after int64, since time.Time) (ledger.Update, error)
	PastOf(ctx context.Context, team, incident, corrects string) (ledger.Past, error)

	// Planning, and batches on their way to the lanes.
	NextToPlan(ctx context.Context, after int64) (ledger.Update, error)
	Past(ctx context.Context, update int64) (ledger.Past, error)
	ToldBy(ctx context.Context, update int64, recipients []int64) ([]ledger.Told, error)
	CountMessages(ctx context.Context, update int64, since time.Time, recipients []int64) (map[int64]int, error)
	CommitPage(ctx context.Context, p ledger.Page) error
	UnsentBatches(ctx context.Context, now time.Time, limit int) ([]ledger.Batch, error)
	NextBatchDue(ctx context.Context) (time.Time, error)
	MarkSent(ctx context.Context, batches []int64, now time.Time) error
	InIncident(ctx context.Context, update int64, ids []int64) ([]notification.Notification, error)

	// The fallback engine.
	Notifications(ctx context.Context, ids []int64) ([]notification.Notification, error)
	Waiting(ctx context.Context, batch int64) ([]notification.Notification, error)
	Outdated(ctx context.Context, p ledger.SupersedingPage) ([]notification.Notification, error)
	SupersedingPages(ctx context.Context, limit int) ([]ledger.SupersedingPage, error)
	DueDeadlines(ctx context.Context, now time.Time, limit int) ([]ledger.Deadline, error)
	NextDeadline(ctx context.Context) (time.Time, error)
	AttemptsByProviderID(ctx context.Context, channel string, ids []string) ([]ledger.ProviderAttempt, error)
	EarlyReceipts(ctx context.Context, channel string, ids []string) ([]ledger.EarlyReceipt, error)
	Apply(ctx context.Context, f ledger.Fold) error

	// Operators' orders.
	CarryOut(ctx context.Context, o ledger.Order, now time.Time) (ledger.OrderReport, error)
	Order(ctx context.Context, id string) (ledger.OrderReport, error)
	Orders(ctx context.Context, team, key string) ([]ledger.OrderReport, error)
	Errands(ctx context.Context, after int64, limit int) ([]ledger.Errand, error)
	Pending(ctx context.Context, e ledger.Errand) ([]notification.Notification, map[int64]bool, error)
	AddressesSent(ctx context.Context, to []ledger.SentTo) ([]string, error)
	UnreachedAfter(ctx context.Context, update, after, until int64, limit int) ([]ledger.Recipient, error)
	Spend(ctx context.Context, batches []int64, limit int64) ([]int64, error)

	// Reports.
	Incidents(ctx context.Context, limit int) ([]ledger.IncidentSummary, error)
	Incident(ctx context.Context, team, id string) (ledger.IncidentSummary, error)
	Rejections(ctx context.Context, limit int) ([]ledger.Rejection, error)
	Report(ctx context.Context, team, id string) (ledger.Report, error)
	RecipientReports(ctx context.Context, team, id string) iter.Seq2[ledger.RecipientReport, error]

	// The trail, and audits.
	TrailHead(ctx context.Context) (ledger.TrailHead, error)
	TrailAfter(ctx context.Context, after int64, limit int) ([]ledger.TrailLink, error)
	View(ctx context.Context, f func(ledger.View) error) error

	// What was promised, and who is made good.
	Watched(ctx context.Context) ([]ledger.Watched, error)
	KeepClocks(ctx context.Context, incident int64, before, after []promise.State, out []ledger.Outgoing) error
	Outbox(ctx context.Context, limit int) ([]ledger.Outgoing, error)
	Published(ctx context.Context, ids []int64) error
	AudienceAfter(ctx context.Context, updates []int64, after int64, limit int) ([]ledger.Member, int64, error)

	// Retention.
	Retain(ctx context.Context, before, now time.Time) (ledger.Dropped, error)

	Identity(ctx context.Context) (string, error)
	Ping(ctx context.Context) error
	Close() error
}

// Run runs the suite. open gives an empty store, and sees to its being closed when the test ends.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"IdentityStays", identity},
		{"DirectoryRoundTrip", directoryRoundTrip},
		{"DirectoryReplacesById", directoryReplaces},
		{"DirectoryPages", directoryPages},
		{"DirectoryByNumber", directoryByNumber},
		{"DeletedRecipientKeepsOnlyTheNumber", deleteRecipient},
		{"AccountsAreNoCustomers", accounts},
		{"ImportsAreNoted", imports},
		{"RecordUpdateOnce", recordUpdateOnce},
		{"RecordUpdateByTeam", recordUpdateByTeam},
		{"RecordUpdateFolds", recordUpdateFolds},
		{"RecordUpdateRefused", recordUpdateRefused},
		{"TextsAreFrozen", textsFrozen},
		{"ForecastStays", forecastStays},
		{"ForecastTurns", forecastTurns},
		{"ReportHoldsForecast", reportHoldsForecast},
		{"ForecastLooksAtTheNewest", forecastLooksAtTheNewest},
		{"PastOfWhatIsToCome", pastOf},
		{"RejectionsAreKeptOnce", rejections},
		{"ApproveOnlyHeld", approve},
		{"ApproveRefusesOldNews", approveStale},
		{"ApproveByTwo", approveByTwo},
		{"ApproveWhatWasSeen", approveSeen},
		{"ApproveByBreakingTheGlass", breakGlass},
		{"RefusedIsNotAnnounced", refused},
		{"TimedOutGoesOrIsDropped", timedOut},
		{"TimedOutMakesWayForNewerNews", timedOutForNewer},
		{"HeldUpdatesWait", heldUpdates},
		{"ManyApproveAtOnce", manyApprove},
		{"ManyTimeOutAtOnce", manyTimeOut},
		{"IncidentsLastChangedFirst", incidents},
		{"PlanOldestApprovedFirst", planOrder},
		{"PlanningTakesTurns", planTurns},
		{"PlanningKeepsAnIncidentsOrder", planTurnsOfOneIncident},
		{"UnknownRecipients", unknownRecipients},
		{"NotesAreAddedToTheReason", pageNotes},
		{"AudienceIsFrozenWhenPlanningBegins", audienceFrozen},
		{"PagesResume", pagesResume},
		{"PagesRefuseASecondPlanner", pagesGuarded},
		{"PageNumbersAscendInOrder", pageNumbers},
		{"PageOfThoseWhoCannotBeTold", pageSettled},
		{"EmptyAudienceClosesAtOnce", emptyAudience},
		{"UnsentBatches", unsentBatches},
		{"BatchesFallDue", batchesDue},
		{"ApplyStoresEverything", applyStores},
		{"ApplyRefusesStaleVersions", applyStale},
		{"ApplyFurtherAttempts", applyFurther},
		{"WaitingAreOpenAndInTheBatch", waiting},
		{"DeadlinesKeepTheLatest", deadlines},
		{"EarlyReceipts", earlyReceipts},
		{"ProviderIDs", providerIDs},
		{"Superseding", superseding},
		{"SupersedingNeedsAnOlderOpenUpdate", supersedingOnlyOlder},
		{"UpdateClosesWithItsLastNotification", closes},
		{"OrdersAreCarriedOutOnce", orderOnce},
		{"OrdersThatMakeNoSense", orderRefused},
		{"PausedIsNotSent", paused},
		{"CancelledEnds", cancelled},
		{"ErrandsCoverAll", errandsCoverAll},
		{"RecalledWhileSending", recalledLive},
		{"RecalledWhenClosed", recalledClosed},
		{"RecalledIncident", recalledIncident},
		{"RecallsAreKept", recallsAreKept},
		{"AddressesSent", addressesSent},
		{"RetryIsAnUpdateOfItsOwn", retried},
		{"RetryOfACorrectionStopsNoMore", retriedCorrection},
		{"BudgetHolds", budget},
		{"BatchesAreGivenUp", givenUp},
		{"PastOfAnIncident", past},
		{"IncidentOfARecipient", inIncident},
		{"CorrectionsNameWhatTheyCorrect", corrections},
		{"WhatTocsinSaysRepeatsWhatWasLetGo", automatic},
		{"ToldAreThoseWhoMayHaveIt", toldBy},
		{"MergedIncidentsShareTheirPast", mergedPast},
		{"MergedIncidentsAreSuperseded", mergedSuperseding},
		{"MergingRefused", mergeRefused},
		{"MergedIncidentsOldNewsIsRefused", mergedApproval},
		{"CorrectionsStopNothingNewer", correctionSuperseding},
		{"MessagesAreCounted", countMessages},
		{"ClocksAreKeptOnce", clocksAreKept},
		{"ClocksRace", clocksRace},
		{"WatchedAreThoseThatGoOn", watchedIncidents},
		{"WatchedSayWhoWasToldWhat", watchedCase},
		{"DatesOfAMaintenance", pastDates},
		{"AudienceInPages", audienceInPages},
		{"DeadAddresses", deadAddresses},
		{"DeadAddressesOfAnOlderDirectory", deadSince},
		{"AccountsDoNotDie", deadAccount},
		{"ConsentIsWithdrawn", withdrawn},
		{"ConsentOfThoseWhoShareANumber", sharedNumber},
		{"ConsentByAnOperator", operatorsConsent},
		{"ConsentRevivesAddresses", startRevives},
		{"ConsentIsEnteredInTheTrail", consentTrail},
		{"ConsentWithdrawnWhileQueued", consentWhileQueued},
		{"ConsentBesidePlanning", consentBesidePlanning},
		{"ManyLeaveAndComeBack", manyLeave},
		{"DeferredPages", deferredPage},
		{"ReportByHand", reportByHand},
		{"ReportOfAMaintenance", reportMaintenance},
		{"RecipientReports", recipientReports},
		{"TalliesAgreeWithRows", talliesAgree},
		{"TrailOfAnUpdate", trailOfUpdate},
		{"TrailOfHeldAndUntoldUpdates", trailOfUntold},
		{"TrailOfFoldsAndRejections", trailOfFolds},
		{"TrailIsWrittenWithItsFact", trailWithFact},
		{"TrailBesideWriters", trailBesideWriters},
		{"TrailOfOrders", trailOfOrders},
		{"TrailSaysWhatIsKept", trailSaysWhatIsKept},
		{"ManyAppendToTheTrail", manyAppend},
		{"ViewOfOneMoment", viewOfOneMoment},
		{"ViewReadsEverything", viewReads},
		{"ViewPagesByRecipient", viewPages},
		{"ReadersBesideAWriter", readersBesideWriter},
		{"CancelledWritesLeaveNothing", cancelledWrites},
		{"ManyRecordOneIncident", manyRecord},
		{"ManyPlanOneUpdate", manyPlan},
		{"ManyFoldOneUpdate", manyFold},
		{"ManyGiveTheSameOrders", manyOrder},
		{"ManySpendOneBudget", manySpend},
		{"ManyMergeIncidents", manyMerge},
		{"ManyReportDeadAddresses", manyBury},
		{"CancelledBesidePlanning", cancelBesidePlanning},
		{"RecalledBesidePlanning", recallBesidePlanning},
		{"PausedBetweenPages", pausedBetweenPages},
		{"ImportBesidePlanning", importBesidePlanning},
		{"OddTextsAreNoObstacle", oddTexts},
		{"OldRowsAreDropped", retained},
		{"OldRowsOfALiveIncidentStay", retainedWhileLive},
		{"DroppedIDsAreNotGivenAgain", retainedIDs},
		{"ManyDropOldRows", retainedByMany},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{T: t, Store: open(t), ctx: t.Context(), ids: map[int64][]int64{}}
			test.run(w)
			w.trail() // holds, whatever was done
		})
	}
}

func identity(w *world) {
	id, err := w.Identity(w.ctx)
	w.must(err)
	w.people(1)
	again, err := w.Identity(w.ctx)
	w.must(err)
	w.equal("identity", again, id)
	if len(id) != 32 {
		w.Errorf("identity %q, want 32 characters", id)
	}
}
