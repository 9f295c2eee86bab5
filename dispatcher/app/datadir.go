package app

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Errors that callers act on.
var (
	// ErrLocked: another process uses the data directory.
	ErrLocked = errors.New("another tocsin process uses the data directory")
	// ErrNotRunning: no server answers for the data directory.
	ErrNotRunning = errors.New("no tocsin server is running")
)

// lock takes the data directory for this process. The lock goes with the process, however it ends.
func lock(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir %s: %w: stop it, or choose another directory", dir, ErrLocked), f.Close())
	}
	return f.Close, nil
}

// installationKey returns the secret that signs references, made when the directory is new.
func installationKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, "secret")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = []byte(newSecret())
		err = replace(path, key)
	}
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if len(key) < 32 {
		return nil, fmt.Errorf("data_dir: %s is damaged: restore it from a backup, or receipts for messages already sent will be refused", path)
	}
	return key, nil
}

// newSecret returns 256 random bits as text.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Endpoints says how commands on the same machine reach a running server. They are written to the
// data directory, readable by its owner only, for as long as the server runs.
type Endpoints struct {
	HTTP         string `json:"http"`
	Metrics      string `json:"metrics,omitempty"` // where there is no http role
	Token        string `json:"token"`
	NATS         string `json:"nats"`
	NATSUser     string `json:"nats_user"`
	NATSPassword string `json:"nats_password"`
}

func endpointsPath(dir string) string { return filepath.Join(dir, "server.json") }

func (e Endpoints) write(dir string) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := replace(endpointsPath(dir), b); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	return nil
}

// forgetEndpoints removes what a server that was killed has left: until the next one has written its
// own, commands would find it listening and be refused for an old token.
func forgetEndpoints(dir string) error {
	if err := os.Remove(endpointsPath(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data_dir: %w", err)
	}
	return nil
}

// replace writes a file that only its owner can read, as a whole: whoever reads it sees what was
// there before or what is there now, never a half, also after a loss of power.
func replace(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// ReadEndpoints returns how to reach the server that runs on a data directory, or ErrNotRunning.
func ReadEndpoints(dir string) (Endpoints, error) {
	var e Endpoints
	b, err := os.ReadFile(endpointsPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return e, fmt.Errorf("%w on %s", ErrNotRunning, dir)
	}
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	if err != nil {
		return e, fmt.Errorf("data_dir: %w", err)
	}
	return e, e.alive(dir)
}

// alive tells a running server from the file that a killed one has left.
func (e Endpoints) alive(dir string) error {
	address := e.NATS
	if e.HTTP != "" {
		address = e.HTTP
	}
	if address == "" { // it serves nothing here: a lane on a cluster
		return e.locked(dir)
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("data_dir: %s: %w", endpointsPath(dir), err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, 2*time.Second)
	if err != nil {
		return fmt.Errorf("%w on %s", ErrNotRunning, dir)
	}
	return conn.Close()
}

// locked tells a running server from a killed one that serves nothing.
func (e Endpoints) locked(dir string) error {
	unlock, err := lock(dir)
	if errors.Is(err, ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(fmt.Errorf("%w on %s", ErrNotRunning, dir), unlock())
}
