package bus

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// User is somebody who may connect to the embedded server.
type User struct {
	Name, Password string
	// Publish and Subscribe are the subjects allowed; empty lists allow everything.
	Publish, Subscribe []string
}

// ServerOptions configure the embedded server.
type ServerOptions struct {
	// Dir is where the streams are kept.
	Dir string
	// Listen is a host:port for other processes; port 0 picks a free one.
	Listen string
	// MaxBytes bounds what the streams may take on disk.
	MaxBytes int64
	Users    []User
}

// Server is a NATS server within this process, with JetStream on disk and every acknowledged
// message synced.
type Server struct{ ns *server.Server }

// StartServer starts an embedded server and returns when it is ready.
func StartServer(o ServerOptions) (*Server, error) {
	opts, err := serverOptions(o)
	if err != nil {
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("nats: starting the embedded server: %w", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(20 * time.Second) {
		ns.Shutdown()
		return nil, fmt.Errorf("nats: the embedded server could not listen on %s or open %s; is the port taken? choose another with nats.listen", o.Listen, o.Dir)
	}
	return &Server{ns}, nil
}

func serverOptions(o ServerOptions) (*server.Options, error) {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("nats.listen: %w", err)
	}
	p, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("nats.listen: port %q: %w", port, err)
	}
	if p == 0 {
		p = server.RANDOM_PORT
	} else if err := free(o.Listen); err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName: "tocsin", Host: host, Port: p, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: o.Dir, JetStreamMaxStore: o.MaxBytes, SyncAlways: true,
		MaxPayload: 2 << 20,
	}
	for _, u := range o.Users {
		opts.Users = append(opts.Users, &server.User{Username: u.Name, Password: u.Password, Permissions: permissions(u)})
	}
	return opts, nil
}

// free says which port is taken: the embedded server itself ends the process's hope without a word.
func free(listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("nats.listen: %w; stop what listens there or choose another port", err)
	}
	return l.Close()
}

func permissions(u User) *server.Permissions {
	if len(u.Publish) == 0 && len(u.Subscribe) == 0 {
		return nil
	}
	allow := func(subjects []string) *server.SubjectPermission {
		if len(subjects) == 0 {
			return &server.SubjectPermission{Deny: []string{">"}}
		}
		return &server.SubjectPermission{Allow: subjects}
	}
	return &server.Permissions{Publish: allow(u.Publish), Subscribe: allow(u.Subscribe)}
}

// URL is where other processes connect.
func (s *Server) URL() string { return s.ns.ClientURL() }

// Stop shuts the server down and waits until it is.
func (s *Server) Stop() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

var errNoServer = errors.New("nats: no server to connect to")
