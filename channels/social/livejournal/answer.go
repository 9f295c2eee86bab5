package livejournal

import (
	"encoding/xml"
	"net/http"
	"regexp"
	"strconv"

	"github.com/tocsin-dev/tocsin/channels"
)

var numberForm = regexp.MustCompile(`^[0-9]{1,18}$`)

// read reads an answer's value, or what is wrong: a fault has the status 200 too.
func read(a channels.Answer) (value, error) {
	var r response
	switch err := xml.Unmarshal(a.Body, &r); {
	case a.Status != http.StatusOK || err != nil:
		return value{}, a.Refusal()
	case r.Fault != nil:
		return value{}, fault(*r.Fault)
	case len(r.Values) != 1:
		return value{}, a.Refusal()
	}
	return r.Values[0], nil
}

// classes says what the site's codes mean (cgi-bin/ljprotocol.pl). 500 and 501, errors inside the site, may
// come when the entry is there. Other codes between 100 and 399 are about the request or the journal.
var classes = map[int]channels.Class{
	100: channels.Auth, 101: channels.Auth, 150: channels.Auth, 151: channels.Auth, 155: channels.Auth, 156: channels.Auth,
	206: channels.Auth, 300: channels.Auth, 301: channels.Auth, 305: channels.Auth, 307: channels.Auth, 308: channels.Auth,
	309: channels.Auth, 310: channels.Auth, 311: channels.Auth, 314: channels.Auth, 410: channels.Auth, 505: channels.Auth,
	402: channels.RateLimited, 405: channels.RateLimited, 406: channels.RateLimited, 407: channels.RateLimited, 408: channels.RateLimited,
	105: channels.Unavailable, 306: channels.Unavailable, 502: channels.Unavailable, 503: channels.Unavailable, 506: channels.Unavailable,
	404: channels.Rejected, 409: channels.Rejected, 504: channels.Rejected,
	500: channels.Unknown, 501: channels.Unknown,
}

// faultCode is the site's own code, in the errors of its faults; those of its web server have none.
type faultCode int

func (faultCode) Error() string { return "the site's own code" }

// fault classifies a fault. Its text stays out of our errors, since the entry may be quoted in it.
func fault(v value) *channels.Error {
	code, err := strconv.Atoi(v.member("faultCode").text())
	if err != nil {
		return &channels.Error{Class: channels.Unknown, Code: "fault"}
	}
	e := &channels.Error{Class: channels.Unknown, Code: strconv.Itoa(code), Err: faultCode(code)}
	if class, known := classes[code]; known {
		e.Class = class
	} else if code >= 100 && code < 400 {
		e.Class = channels.Rejected
	}
	return e
}
