package smtp

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
)

// script is a relay that plays what a test wants, whether a relay may or not.
type script struct {
	url string
	// answer returns what to say to a line of the client's on a connection, counted from 1; "." is
	// the end of a message. "" hangs up.
	answer func(conn int, line string) string
	// extensions are the lines of the answer to EHLO.
	extensions []string

	mu    sync.Mutex
	lines []string // everything that clients sent outside of messages
	conns int
}

// play serves the script until the test ends.
func play(t *testing.T, extensions []string, answer func(conn int, line string) string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{url: "smtp://" + l.Addr().String(), answer: answer, extensions: extensions}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			serving.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { _ = l.Close() })
	return s
}

func (s *script) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	s.mu.Lock()
	s.conns++
	n := s.conns
	s.mu.Unlock()
	r := bufio.NewReader(c)
	say := func(text string) bool {
		_, err := c.Write([]byte(text + "\r\n"))
		return err == nil && text != ""
	}
	inMessage := false
	for ok := say("220 relay.example ESMTP"); ok; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if inMessage && line != "." {
			continue
		}
		answer := s.hear(n, line)
		inMessage = strings.HasPrefix(answer, "354")
		ok = say(answer)
	}
}

// hear notes a line and returns the answer to it.
func (s *script) hear(conn int, line string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	if strings.HasPrefix(line, "EHLO") {
		return "250-relay.example\r\n250-" + strings.Join(s.extensions, "\r\n250-") + "\r\n250 SIZE"
	}
	return s.answer(conn, line)
}

// heard returns how many connections there were, and the verbs after EHLO.
func (s *script) heard() (conns int, verbs string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, line := range s.lines {
		verb, _, _ := strings.Cut(line, " ")
		if verb != "EHLO" {
			b.WriteString(verb + " ")
		}
	}
	return s.conns, strings.TrimSpace(b.String())
}

// willing is how a relay answers that takes everything.
func willing(line string) string {
	switch {
	case line == "DATA":
		return "354 Go ahead"
	case line == ".":
		return "250 2.0.0 Ok: queued as 4F1A"
	case line == "QUIT":
		return "221 2.0.0 Bye"
	}
	return "250 2.0.0 Ok"
}

var pipelining = []string{"ENHANCEDSTATUSCODES", "PIPELINING"}

func newScripted(t *testing.T, s *script) *relay {
	t.Helper()
	return newTestRelay(t, served{url: s.url}, "")
}
