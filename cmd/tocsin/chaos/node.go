package chaos

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Node is one server of the drill's NATS cluster, run as a process of its own.
type Node struct {
	Name, Dir string
	// Listen is where clients connect, Cluster where the other nodes do.
	Listen, Cluster string
	// Routes are where the other nodes are.
	Routes []string
}

// Run runs the node until ctx ends.
func (n Node) Run(ctx context.Context) error {
	o, err := n.options()
	if err != nil {
		return err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.Name, err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return fmt.Errorf("node %s does not listen on %s", n.Name, n.Listen)
	}
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

func (n Node) options() (*server.Options, error) {
	host, port, err := hostPort(n.Listen)
	if err != nil {
		return nil, err
	}
	clusterHost, clusterPort, err := hostPort(n.Cluster)
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: n.Name, Host: host, Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: n.Dir, JetStreamMaxStore: 8 << 30, MaxPayload: 2 << 20,
		// Clients are not told of the others: they are to come through their gates.
		Cluster: server.ClusterOpts{Name: "drill", Host: clusterHost, Port: clusterPort, NoAdvertise: true},
	}
	for _, r := range n.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: r})
	}
	return o, nil
}

func hostPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}
