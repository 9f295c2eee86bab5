package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say how to connect.
type Options struct {
	// Server is the embedded server, nil to connect to URL.
	Server *Server
	// URL is the address of a server, or the addresses of a cluster's, separated by commas.
	URL            string
	User, Password string
	// Credentials is the path of a .creds file, NKey that of a file with an NKey's seed.
	Credentials, NKey string
	TLS               TLS
	// MaxBytes bounds the streams together.
	MaxBytes int64
	// Replicas is how many servers of a cluster keep each stream; 0 is three where there are three,
	// else one.
	Replicas int
	// Log hears of lost connections and changed streams; nil discards that.
	Log *slog.Logger
}

// TLS are the paths of PEM files; "" is the system's authorities, and no certificate of our own.
type TLS struct{ CA, Cert, Key string }

// Connect connects and makes sure that the streams are there, and as they must be.
func Connect(ctx context.Context, o Options) (*Bus, error) {
	b, err := dial(o)
	if err != nil {
		return nil, err
	}
	if err := b.reconcile(ctx, o); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Examine connects as a process would, changes nothing, and returns how full the streams are; those that
// aren't there yet are left out.
func Examine(ctx context.Context, o Options) ([]StreamState, error) {
	b, err := dial(o)
	if err != nil {
		return nil, err
	}
	defer b.nc.Close()
	if err := b.Healthy(ctx); err != nil {
		return nil, fmt.Errorf("nats: JetStream: %w", err)
	}
	return b.states(ctx, func(err error) bool { return errors.Is(err, jetstream.ErrStreamNotFound) })
}

func dial(o Options) (*Bus, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	opts, err := o.natsOptions()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(o.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("nats: connecting: %w", err)
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(256), jetstream.WithPublishAsyncTimeout(publishTimeout))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("nats: %w", err)
	}
	return &Bus{nc: nc, js: js, log: o.Log}, nil
}

// publishTimeout is how long the answer to a batch is waited for: when a server dies, some are lost.
const publishTimeout = 10 * time.Second

func (o *Options) natsOptions() ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name("tocsin"),
		nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.PingInterval(5 * time.Second),
		nats.CustomInboxPrefix(ownInbox),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				o.Log.Warn("connection to NATS lost, reconnecting", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			o.Log.Warn("NATS reports a fault", "error", err)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { o.Log.Info("connected to NATS again", "server", nc.ConnectedServerName()) }),
	}
	switch {
	case o.Server != nil:
		opts = append(opts, nats.InProcessServer(o.Server.ns))
	case o.URL == "":
		return nil, errNoServer
	}
	auth, err := o.authentication()
	return append(opts, auth...), err
}

// authentication says who we are, and how to know the server.
func (o *Options) authentication() ([]nats.Option, error) {
	var opts []nats.Option
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.Credentials != "" {
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	if o.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, fmt.Errorf("nats.nkey: %w", err)
		}
		opts = append(opts, key)
	}
	if o.TLS.CA != "" {
		opts = append(opts, nats.RootCAs(o.TLS.CA))
	}
	if o.TLS.Cert != "" {
		opts = append(opts, nats.ClientCert(o.TLS.Cert, o.TLS.Key))
	}
	return opts, nil
}

// errNotYet: what was just made is not known yet to the server that was asked.
var errNotYet = errors.New("not there yet")

// passing reports whether an error is of the kind that goes away by itself: no connection, no leader,
// an answer that did not come.
func passing(err error) bool {
	for _, e := range []error{
		errNotYet, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse,
		jetstream.ErrAsyncPublishTimeout, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrNoServers, nats.ErrReconnectBufExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	e, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	switch e.ErrorCode {
	case codeNotLeader, codeStreamOffline, codeStreamOfflineReason, codeDuplicateInProcess:
		return true
	}
	return e.Code == 503 && !noRoom(e)
}

// Error codes of a cluster that is changing leaders or misses servers (errors.json of nats-server).
const (
	codeDuplicateInProcess  jetstream.ErrorCode = 10158 // the same message is still being replicated
	codeNotLeader           jetstream.ErrorCode = 10009
	codeStreamOffline       jetstream.ErrorCode = 10118
	codeStreamOfflineReason jetstream.ErrorCode = 10194
)

// readError says what could not be read, and whether to ask again.
func readError(what string, err error) error {
	if passing(err) {
		return fmt.Errorf("nats: reading %s: %w: %w", what, ErrUnavailable, err)
	}
	return fmt.Errorf("nats: reading %s: %w", what, err)
}

const (
	// askAgain is how long to wait before asking a cluster again that did not answer.
	askAgain = 500 * time.Millisecond
	// answerWithin is how long an answer is waited for: one that takes longer was most likely lost, as
	// happens when several processes ask for the same stream to be made.
	answerWithin = 5 * time.Second
)

// insist calls f until it succeeds, fails for good, or ctx ends. Each call has a time of its own.
func insist(ctx context.Context, f func(context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, answerWithin)
		err := f(try)
		cancel()
		if err == nil || !passing(err) {
			return err
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return err
		}
	}
}
