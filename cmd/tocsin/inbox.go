package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/channels/web/inapp/inbox"
)

// Where the inbox's secrets are: never on a command line, which others on the machine can read.
const (
	inboxKey    = "TOCSIN_INBOX_KEY"
	inboxSecret = "TOCSIN_INBOX_SECRET"
)

type inboxFlags struct {
	listen, file string
	origins      []string
	untilStdin   bool
}

func (c *cli) inboxCommand() *cobra.Command {
	var f inboxFlags
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "Run the inbox for notices within your own app and website",
		Long: `Run the inbox for notices within your own app and website: the far side of the channel inapp. Put it
where customers reach it when other systems don't, behind a proxy that speaks TLS. It needs two secrets, each
of 32 or more characters, in the environment:

  ` + inboxKey + `     the channel's key, by which it knows Tocsin
  ` + inboxSecret + `  shared with the backend of your app, which makes a token for each customer who is
                       logged in; ` + "`tocsin inbox token`" + ` makes one to try`,
		Example: `  tocsin inbox --listen 127.0.0.1:8090 --file /var/lib/tocsin/inbox.db --origin https://app.meridian.example`,
		Args:    args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.inbox(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8090", "address to listen on")
	flags.StringVar(&f.file, "file", "inbox.db", "SQLite file in which notices are kept")
	flags.StringArrayVar(&f.origins, "origin", nil, "origin of pages that may show notices, as in https://app.example.com; may be given several times")
	flags.BoolVar(&f.untilStdin, "until-stdin-closes", false, "stop when the standard input ends, so as never to outlive the parent process")
	cmd.AddCommand(c.inboxTokenCommand())
	return cmd
}

func (c *cli) inboxTokenCommand() *cobra.Command {
	var valid time.Duration
	cmd := &cobra.Command{
		Use:     "token CUSTOMER",
		Short:   "Make a customer's token, to try the inbox",
		Example: `  curl -H "Authorization: Bearer $(tocsin inbox token c-1)" http://127.0.0.1:8090/v1/inbox`,
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			secret, err := c.secretIn(inboxSecret)
			if err == nil {
				c.say("%s", inbox.Token(secret, given[0], time.Now().Add(valid)))
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&valid, "valid", time.Hour, "how long it is valid, at most 720h")
	return cmd
}

func (c *cli) secretIn(variable string) (channels.Secret, error) {
	if v, ok := c.env(variable); ok && v != "" {
		return channels.Secret(v), nil
	}
	return "", fmt.Errorf("%s is not set: make one with `openssl rand -hex 32`", variable)
}

func (c *cli) inbox(ctx context.Context, f inboxFlags) error {
	key, err := c.secretIn(inboxKey)
	secret, err2 := c.secretIn(inboxSecret)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	log, err := c.logger()
	if err != nil {
		return err
	}
	if f.untilStdin {
		var stop context.CancelFunc
		ctx, stop = untilEnds(ctx, c.stdin)
		defer stop()
	}
	server, err := inbox.New(context.WithoutCancel(ctx), inbox.Options{Path: f.file, Key: key, Secret: secret, Origins: f.origins, Log: log})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("inbox: %w; choose another address with --listen", err), server.Close())
	}
	c.say("the inbox listens at http://%s", l.Addr())
	return errors.Join(serveInbox(ctx, server, l), server.Close())
}

// inboxStop is how long requests under way have to end. Streams end at once.
const inboxStop = 10 * time.Second

func serveInbox(ctx context.Context, server *inbox.Server, l net.Listener) error {
	srv := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	served, ran := make(chan error, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { served <- srv.Serve(l) }()
	go func() { ran <- server.Run(ctx) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	cancel()
	err = errors.Join(err, <-ran)
	bounded, stop := context.WithTimeout(context.WithoutCancel(ctx), inboxStop)
	defer stop()
	return errors.Join(err, srv.Shutdown(bounded))
}
