package kannel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// The commands of SMPP 3.4 (section 5.1.2.1) that a transceiver and its short message centre exchange.
const (
	submitSM        = 0x04
	deliverSM       = 0x05
	unbind          = 0x06
	bindTransceiver = 0x09
	enquireLink     = 0x15
	response        = 0x80000000
)

// centre is a short message centre of the test's own, to which Kannel connects by SMPP. What becomes of a
// message its number's last digit says: 2 undelivered, 3 refused, anything else delivered.
type centre struct {
	port      int
	submitted chan submission

	mu   sync.Mutex
	link net.Conn // once Kannel has bound itself
}

// write has somebody write a message, which goes to Kannel as a deliver_sm (section 4.6.1).
func (c *centre) write(t *testing.T, from, to string, dataCoding byte, octets string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		t.Fatal("Kannel is not bound")
	}
	var b bytes.Buffer
	b.WriteString("\x00\x01\x01" + from + "\x00\x00\x01" + to + "\x00") // an international number writes to a short one
	b.WriteString("\x00\x00\x00\x00\x00\x00\x00")
	b.WriteByte(dataCoding)
	b.WriteByte(0)
	b.WriteByte(byte(len(octets)))
	b.WriteString(octets)
	write(c.link, deliverSM, 0, 1<<20, b.Bytes())
}

func (c *centre) bound(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = conn
}

// submission is what is read of a submit_sm.
type submission struct {
	from, to, validity string
	class, dataCoding  byte
	registered         byte
	text               []byte
}

// startCentre listens until the test ends, and serves one connection after the other.
func startCentre(t *testing.T) *centre {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &centre{port: l.Addr().(*net.TCPAddr).Port, submitted: make(chan submission, 16)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { c.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return c
}

// serve answers PDUs until the connection ends.
func (c *centre) serve(conn net.Conn) {
	defer conn.Close()
	for sequence := uint32(1); ; sequence++ {
		var head [16]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		command, number := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[12:])
		body := make([]byte, max(16, binary.BigEndian.Uint32(head[:]))-16)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		switch command {
		case bindTransceiver:
			write(conn, command|response, 0, number, []byte("centre\x00"))
			c.bound(conn)
		case enquireLink, unbind:
			write(conn, command|response, 0, number, nil)
		case submitSM:
			c.submit(conn, number, sequence, body)
		}
	}
}

func (c *centre) submit(conn net.Conn, number, sequence uint32, body []byte) {
	s := readSubmission(body)
	c.submitted <- s
	last := s.to[len(s.to)-1]
	if last == '3' {
		write(conn, submitSM|response, 0x0b, number, nil) // ESME_RINVDSTADR
		return
	}
	id := fmt.Sprintf("m%d", sequence)
	write(conn, submitSM|response, 0, number, []byte(id+"\x00"))
	stat := "dlvrd:001 submit date:2611221140 done date:2611221141 stat:DELIVRD err:000"
	if last == '2' {
		stat = "dlvrd:000 submit date:2611221140 done date:2611221141 stat:UNDELIV err:011"
	}
	write(conn, deliverSM, 0, sequence, receiptPDU(s, "id:"+id+" sub:001 "+stat+" text:Cards"))
}

// receiptPDU is the body of a deliver_sm with a receipt (section 4.6.1 and appendix B).
func receiptPDU(s submission, text string) []byte {
	var b bytes.Buffer
	b.WriteString("\x00\x01\x01" + s.to + "\x00\x05\x00" + s.from + "\x00")
	b.WriteString("\x04\x00\x00\x00\x00\x00\x00\x00\x00") // esm_class 4: a receipt
	b.WriteByte(byte(len(text)))
	b.WriteString(text)
	return b.Bytes()
}

func write(conn net.Conn, command, status, number uint32, body []byte) {
	pdu := binary.BigEndian.AppendUint32(nil, uint32(16+len(body)))
	for _, v := range []uint32{command, status, number} {
		pdu = binary.BigEndian.AppendUint32(pdu, v)
	}
	_, _ = conn.Write(append(pdu, body...)) // a connection that is gone is seen at the next read
}

// readSubmission reads a submit_sm (section 4.4.1).
func readSubmission(body []byte) submission {
	in := bytes.NewBuffer(body)
	text := func() string {
		s, _ := in.ReadString(0)
		return string(bytes.TrimSuffix([]byte(s), []byte{0}))
	}
	octet := func() byte { b, _ := in.ReadByte(); return b }
	var s submission
	text() // service_type
	octet()
	octet()
	s.from = text()
	octet()
	octet()
	s.to = text()
	s.class = octet()
	octet() // protocol_id
	octet() // priority_flag
	text()  // schedule_delivery_time
	s.validity = text()
	s.registered = octet()
	octet() // replace_if_present_flag
	s.dataCoding = octet()
	octet() // sm_default_msg_id
	s.text = in.Next(int(octet()))
	return s
}
