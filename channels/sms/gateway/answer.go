package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// place is a Where, ready to be looked at.
type place struct {
	pointer pointer
	pattern *regexp.Regexp
}

func (w *Where) compile(key string) (*place, error) {
	switch {
	case w == nil:
		return nil, nil
	case (w.Pointer == "") == (w.Pattern == ""):
		return nil, fmt.Errorf("%s: want either pointer or pattern", key)
	case w.Pointer != "":
		p, err := parsePointer(w.Pointer)
		if err != nil {
			return nil, fmt.Errorf("%s.pointer: %w", key, err)
		}
		return &place{pointer: p}, nil
	}
	pattern, err := regexp.Compile(w.Pattern)
	if err != nil {
		return nil, fmt.Errorf("%s.pattern: %w", key, err)
	}
	if pattern.NumSubexp() != 1 {
		return nil, fmt.Errorf("%s.pattern: want one group, in which the value stands", key)
	}
	return &place{pattern: pattern}, nil
}

// find returns what stands at the place in an answer's body, "" if nothing does.
func (p *place) find(body []byte) string {
	if p.pattern != nil {
		if found := p.pattern.FindSubmatch(body); found != nil {
			return string(found[1])
		}
		return ""
	}
	document, err := parseJSON(body)
	if err != nil {
		return ""
	}
	return p.pointer.text(document)
}

// parseJSON reads one document, with numbers as they are written: an id may have more digits than a
// float64 holds.
func parseJSON(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var document any
	if err := dec.Decode(&document); err != nil {
		return nil, errors.New("no JSON")
	}
	if dec.More() {
		return nil, errors.New("more than one JSON document")
	}
	return document, nil
}

// answer is a description of answers, ready to be used.
type answer struct {
	id, code *place
	accepted []string
	statuses []int
	classes  map[string]channels.Class // by code
	http     map[int]channels.Class    // by HTTP status
}

// compile checks the description of answers.
func (d *Answer) compile() (answer, error) {
	a := answer{accepted: d.Accepted, statuses: d.Statuses}
	var err error
	if a.id, err = d.ID.compile("answer.id"); err != nil {
		return a, err
	}
	if a.code, err = d.Code.compile("answer.code"); err != nil {
		return a, err
	}
	if a.classes, err = byKey(d.Errors.all(), "answer.errors"); err != nil {
		return a, err
	}
	if a.http, err = byKey(d.HTTPErrors.all(), "answer.http_errors"); err != nil {
		return a, err
	}
	return a, a.check()
}

func (a *answer) check() error {
	switch {
	case a.code != nil && len(a.accepted) == 0:
		return errors.New("answer.accepted: missing; which codes say that the message was taken?")
	case a.code == nil && len(a.accepted)+len(a.classes) > 0:
		return errors.New("answer.code: missing; where are the codes of accepted and errors?")
	}
	for _, code := range a.accepted {
		if _, both := a.classes[code]; both || code == "" {
			return fmt.Errorf("answer.accepted: %q is empty, or an error as well", code)
		}
	}
	for _, status := range a.statuses {
		if _, both := a.http[status]; both || status < 200 || status > 299 {
			return fmt.Errorf("answer.statuses: %d is no 2xx, or an error as well", status)
		}
	}
	return nil
}

func (c Classes) all() map[channels.Class][]string {
	return map[channels.Class][]string{
		channels.InvalidAddress: c.InvalidAddress, channels.Rejected: c.Rejected, channels.Auth: c.Auth,
		channels.RateLimited: c.RateLimited, channels.Unavailable: c.Unavailable,
	}
}

func (s Statuses) all() map[channels.Class][]int {
	return map[channels.Class][]int{
		channels.InvalidAddress: s.InvalidAddress, channels.Rejected: s.Rejected, channels.Auth: s.Auth,
		channels.RateLimited: s.RateLimited, channels.Unavailable: s.Unavailable, channels.Unknown: s.Unknown,
	}
}

// byKey turns lists by meaning into a meaning by code; a code has one.
func byKey[M comparable, K comparable](lists map[M][]K, key string) (map[K]M, error) {
	meanings := map[K]M{}
	var empty K
	for meaning, codes := range lists {
		for _, code := range codes {
			if _, twice := meanings[code]; twice || code == empty {
				return nil, fmt.Errorf("%s: %v is empty, or there twice", key, code)
			}
			meanings[code] = meaning
		}
	}
	return meanings, nil
}

// read says what an answer means.
func (a *answer) read(got channels.Answer) (channels.Ack, error) {
	code := ""
	if a.code != nil {
		code = a.code.find(got.Body)
	}
	if err := a.failure(got, code); err != nil {
		return channels.Ack{}, err
	}
	ack := channels.Ack{Proof: channels.Accepted}
	if a.id != nil {
		if ack.ID = a.id.find(got.Body); ack.ID == "" {
			return channels.Ack{}, &channels.Error{Class: channels.Unknown, Code: "no_id", Err: errors.New("the answer has no id where the description says")}
		}
	}
	return ack, nil
}

// failure returns the error that an answer is, nil if it says that the message was taken. A code that is
// described comes before the HTTP status, with which it may say anything.
func (a *answer) failure(got channels.Answer, code string) error {
	e := got.Refusal()
	if class, listed := a.classes[code]; listed {
		return a.refusal(e, got, class, code)
	}
	if class, listed := a.http[got.Status]; listed {
		return a.refusal(e, got, class, e.Code)
	}
	switch {
	case got.Status < 200 || got.Status > 299:
		return e
	case len(a.statuses) > 0 && !slices.Contains(a.statuses, got.Status):
		return e
	case a.code == nil || slices.Contains(a.accepted, code):
		return nil
	case code == "":
		return &channels.Error{Class: channels.Unknown, Code: "no_code", Err: errors.New("the answer has no code where the description says")}
	}
	return &channels.Error{Class: channels.Unknown, Code: shown(code), Err: errors.New("the description doesn't say what the code means")}
}

// refusal gives an error another class and code.
func (a *answer) refusal(e *channels.Error, got channels.Answer, class channels.Class, code string) *channels.Error {
	e.Class, e.Code, e.RetryAfter = class, code, 0
	if class == channels.RateLimited || class == channels.Unavailable {
		e.RetryAfter = channels.RetryAfter(got.Header, got.Time())
	}
	return e
}

// The longest code that is shown though it isn't described, and how many digits it may have: more of
// them may be somebody's number.
const maxCode, maxDigits = 24, 6

// shown is a code that a gateway made up, as far as it can be shown: a gateway may put anything there,
// also what was sent to it.
func shown(code string) string {
	digits := strings.IndexFunc(code, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '.' && r != '-'
	})
	count := 0
	for _, r := range code {
		if r >= '0' && r <= '9' {
			count++
		}
	}
	if digits >= 0 || count > maxDigits || len(code) > maxCode || code == "" {
		return "unlisted"
	}
	return code
}
