package smtp

import (
	"errors"
	"net/textproto"
)

// step is how far a transaction came.
type step string

// The steps of a transaction, in their order. Until stepContent nothing can have been accepted.
const (
	stepSign      step = "signing"
	stepReset     step = "RSET"
	stepSender    step = "MAIL"
	stepRecipient step = "RCPT"
	stepData      step = "DATA"
	stepContent   step = "end of data"
)

// failure is why a transaction did not end in acceptance: a refusal, whose cause is a
// *textproto.Error, or a session that broke down.
type failure struct {
	at    step
	cause error
}

// refusal returns the relay's answer, a 4xx or 5xx; nil if the session broke down instead.
func (f *failure) refusal() *textproto.Error {
	answer, _ := errors.AsType[*textproto.Error](f.cause)
	return answer
}

// stale reports whether this may be no more than a session that the relay had closed meanwhile, with
// or without announcing it by 421: another session may do better, and nothing was accepted on this.
func (f *failure) stale() bool {
	answer := f.refusal()
	return f.at != stepContent && f.at != stepSign && (answer == nil || answer.Code == 421)
}

// command is one line to the relay and the answer that lets the transaction go on, as
// textproto.Reader.ReadResponse wants it: 2 for any 2xx.
type command struct {
	step step
	line string
	want int
}

// envelope is a message's: where from, where to, and by what name reports call it.
type envelope struct{ from, to, id string }

// sender and recipient are the commands that give the envelope. Where the relay offers DSN (RFC 3461) a
// failure is to be reported, a delay is not: nothing would follow from it, and when a large mail service is
// down there is one for each of its customers. Reports are to quote the header only, and to name the
// attempt, should they lose their way.
func (e envelope) sender(dsn bool) string {
	if dsn {
		return "MAIL FROM:<" + e.from + "> RET=HDRS ENVID=" + e.id + "\r\n"
	}
	return "MAIL FROM:<" + e.from + ">\r\n"
}

func (e envelope) recipient(dsn bool) string {
	if dsn {
		return "RCPT TO:<" + e.to + "> NOTIFY=FAILURE\r\n"
	}
	return "RCPT TO:<" + e.to + ">\r\n"
}

// deliver performs one transaction (RFC 5321, section 3.3) for the message in s.message, and returns
// the text of the relay's acceptance.
func (s *session) deliver(e envelope) (string, *failure) {
	commands := make([]command, 0, 4)
	if s.begun {
		commands = append(commands, command{stepReset, "RSET\r\n", 2})
	}
	commands = append(commands,
		command{stepSender, e.sender(s.dsn), 2},
		command{stepRecipient, e.recipient(s.dsn), 2},
		command{stepData, "DATA\r\n", 354})
	s.begun = true
	if f := s.run(commands); f != nil {
		return "", f
	}
	return s.content()
}

func (s *session) run(commands []command) *failure {
	if s.pipelining {
		return s.runTogether(commands)
	}
	for i := range commands {
		if f := s.write(commands[i : i+1]); f != nil {
			return f
		}
		if f := s.read(commands[i]); f != nil {
			return f
		}
	}
	return nil
}

// runTogether writes all commands at once (RFC 2920, section 3.1) and reads the answers to all of
// them: the first refusal is the verdict, since the later ones only follow from it. A relay that
// refuses a command and yet answers 354 to DATA is waiting for a message that must not come: that
// session is given up.
func (s *session) runTogether(commands []command) *failure {
	if f := s.write(commands); f != nil {
		return f
	}
	var first *failure
	for _, c := range commands {
		f := s.read(c)
		if first == nil {
			first = f
		}
		if s.broken {
			return first
		}
		if c.step == stepData && f == nil && first != nil {
			s.drop()
		}
	}
	return first
}

// content sends the message, which ends in the final dot, and reads the answer. Whatever the answer,
// it ends the transaction.
func (s *session) content() (string, *failure) {
	if _, err := s.text.W.Write(s.message.Bytes()); err != nil {
		return "", s.lost(stepContent, err)
	}
	if err := s.text.W.Flush(); err != nil {
		return "", s.lost(stepContent, err)
	}
	_, text, err := s.text.ReadResponse(2)
	if err != nil {
		return "", s.refused(stepContent, err)
	}
	s.begun = false
	return text, nil
}

func (s *session) write(commands []command) *failure {
	for _, c := range commands {
		if _, err := s.text.W.WriteString(c.line); err != nil {
			return s.lost(c.step, err)
		}
	}
	if err := s.text.W.Flush(); err != nil {
		return s.lost(commands[0].step, err)
	}
	return nil
}

func (s *session) read(c command) *failure {
	if _, _, err := s.text.ReadResponse(c.want); err != nil {
		return s.refused(c.step, err)
	}
	return nil
}

// refused sorts out why an answer is not the one that was wanted. A session goes on only after a
// plain refusal: not after 421, with which the relay announces that it closes the connection (RFC
// 5321, section 3.8), nor after an answer that makes no sense here.
func (s *session) refused(at step, err error) *failure {
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok || answer.Code < 400 || answer.Code > 599 || at == stepReset {
		return s.lost(at, err)
	}
	if answer.Code == 421 {
		s.drop()
	}
	if at == stepContent {
		s.begun = false
	}
	return &failure{at, err}
}

// lost gives up a session on which it is not known any more what an answer belongs to.
func (s *session) lost(at step, err error) *failure {
	s.drop()
	return &failure{at, withoutAnswer(err)}
}
