package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/dispatcher/httpapi"
)

// accountFlags say as whom a command speaks to which server.
type accountFlags struct{ server, tokenFile string }

func (f *accountFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.server, "server", "", "the server's URL, on another machine than this (or $TOCSIN_SERVER)")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "file with your own token (or the token itself in $TOCSIN_TOKEN)")
}

// account returns a client that speaks with the caller's own token, if they have one, and else with that of
// this machine, which is nobody's own.
func (c *cli) account(f accountFlags) (*httpapi.Client, error) {
	token, err := c.ownToken(f.tokenFile)
	if err != nil {
		return nil, err
	}
	server := f.server
	if server == "" {
		server, _ = c.env("TOCSIN_SERVER")
	}
	if u, err := url.Parse(server); server != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return nil, usageError{fmt.Errorf("--server: %q is no URL: want one as https://tocsin.example", server)}
	}
	if exposed(server) {
		return nil, usageError{fmt.Errorf("--server: %s would carry your token over the network in clear: want https, or http on this machine", server)}
	}
	switch {
	case token == "" && server == "":
		return c.api()
	case token == "":
		return nil, usageError{fmt.Errorf("the server at %s asks for a token: put yours into $TOCSIN_TOKEN, or name a file with --token-file", server)}
	case server == "":
		e, err := c.endpoints()
		if err != nil {
			return nil, fmt.Errorf("%w; a server on another machine is named with --server", err)
		}
		server = e.HTTP
	}
	return httpapi.NewClient(server, token), nil
}

// exposed reports whether what is said to a server can be read on the way.
func exposed(server string) bool {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (c *cli) ownToken(file string) (string, error) {
	if file == "" {
		token, _ := c.env("TOCSIN_TOKEN")
		return strings.TrimSpace(token), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" || strings.ContainsAny(token, " \n") {
		return "", fmt.Errorf("--token-file: %s must hold one token, and nothing else", file)
	}
	return token, nil
}
