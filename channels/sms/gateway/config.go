package gateway

import (
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

// Config describes a gateway.
type Config struct {
	// From is what {from} stands for: a number, a short code or a name.
	From string `yaml:"from"`
	// Secrets are what further placeholders stand for, by name.
	Secrets map[string]channels.Secret `yaml:"secrets"`
	// Request is how a message is handed over.
	Request Request `yaml:"request"`
	// Encoding is what {encoding} stands for, by the text's encoding. Optional.
	Encoding Encoding `yaml:"encoding"`
	// Validity is how {validity} is written. Required where the request has it.
	Validity Validity `yaml:"validity"`
	// Answer is how the gateway's answer reads.
	Answer Answer `yaml:"answer"`
	// Receipts is how reports of delivery come. Optional.
	Receipts *Receipts `yaml:"receipts"`
	// Replies is how what customers write (STOP) comes. Optional.
	Replies *Replies `yaml:"replies"`
}

// Request is an HTTP request. Of JSON, Form and XML at most one is set. Values in the path and the
// query of URL, in headers and in the body may hold placeholders; "{{" and "}}" are single braces.
type Request struct {
	// Method is GET or POST (the default where there is a body), or PUT.
	Method string `yaml:"method"`
	URL    string `yaml:"url"`
	// Headers are secret, since credentials stand in them.
	Headers map[string]channels.Secret `yaml:"headers"`
	// JSON is a value of any shape. A string "{name:number}" becomes a number.
	JSON any `yaml:"json"`
	// Form holds fields of application/x-www-form-urlencoded.
	Form map[string]string `yaml:"form"`
	// XML is a document.
	XML string `yaml:"xml"`
}

// Encoding names the two encodings of a text as the gateway does: "0" and "8", "text" and "unicode".
type Encoding struct {
	GSM7 string `yaml:"gsm7"`
	UCS2 string `yaml:"ucs2"`
}

// Validity is how long a message is worth delivering, in whole units.
type Validity struct {
	// Unit is seconds, minutes or hours.
	Unit string `yaml:"unit"`
	// Most is the longest that the gateway takes; it stands, too, where the news has no end.
	Most time.Duration `yaml:"most"`
}

// Where is a place in an answer: in a JSON document (RFC 6901), or in a plain text, of which a regular
// expression's one group is meant.
type Where struct {
	Pointer string `yaml:"pointer"`
	Pattern string `yaml:"pattern"`
}

// Answer is how answers read. Where Code is set, an answer's own code decides: a message was taken if
// it is among Accepted, and failed if it is in Errors. Where it isn't, each HTTP status of Statuses,
// or any 2xx, says that it was taken.
type Answer struct {
	// ID is the gateway's id of the message; needed where receipts name nothing else.
	ID *Where `yaml:"id"`
	// Code is the gateway's status or error code.
	Code *Where `yaml:"code"`
	// Accepted are the codes that say that the message was taken.
	Accepted []string `yaml:"accepted"`
	// Errors are the codes that say that it was not, by class.
	Errors Classes `yaml:"errors"`
	// Statuses are the HTTP statuses with which a message is taken; any 2xx where there are none.
	Statuses []int `yaml:"statuses"`
	// HTTPErrors are HTTP statuses that mean another class than RFC 9110 gives them.
	HTTPErrors Statuses `yaml:"http_errors"`
}

// Classes are codes, by what they mean for a message; see [channels.Class].
type Classes struct {
	InvalidAddress []string `yaml:"invalid_address"`
	Rejected       []string `yaml:"rejected"`
	Auth           []string `yaml:"auth"`
	RateLimited    []string `yaml:"rate_limited"`
	Unavailable    []string `yaml:"unavailable"`
}

// Statuses are HTTP statuses, by what they mean for a message.
type Statuses struct {
	InvalidAddress []int `yaml:"invalid_address"`
	Rejected       []int `yaml:"rejected"`
	Auth           []int `yaml:"auth"`
	RateLimited    []int `yaml:"rate_limited"`
	Unavailable    []int `yaml:"unavailable"`
	Unknown        []int `yaml:"unknown"`
}

// Receipts is how reports come to our webhook. Fields are JSON pointers or, in forms and queries,
// names. A report names its message by Ref (what {ref} stood for, given back), or by the URL
// that {callback} stood for, or by ID.
type Receipts struct {
	// From says where fields are: in a json or form body, or in the query.
	From string `yaml:"from"`
	// List is where the reports are, for JSON with several of them. Fields are then relative to one.
	List string `yaml:"list"`
	Ref  string `yaml:"ref"`
	ID   string `yaml:"id"`
	// State is what became of the message, in the gateway's words.
	State string `yaml:"state"`
	// Code is the reason of a failure. Optional.
	Code string `yaml:"code"`
	// States are the gateway's words, by what they mean.
	States States `yaml:"states"`
	// Proof is how the gateway proves that it is the one who calls.
	Proof Proof `yaml:"proof"`
}

// States are a gateway's words for what became of a message.
type States struct {
	Accepted  []string `yaml:"accepted"`
	Delivered []string `yaml:"delivered"`
	Read      []string `yaml:"read"`
	Failed    []string `yaml:"failed"`
}

// Proof is how a callback is known to be the gateway's; exactly one is set. A signature proves what
// is said; the others prove only that whoever says it was told a secret.
type Proof struct {
	HMAC *HMAC `yaml:"hmac"`
	// Header is a secret that the gateway sends.
	Header *SharedHeader `yaml:"header"`
	// Key is a secret of ours, of which {callback} carries a key; see sms.CallbackKey.
	Key channels.Secret `yaml:"key"`
}

// Replies is how what customers write comes to our webhook, /v1/receipts/<channel>/gateway. Fields are as in
// receipts. An item of a call that names no attempt is taken for a reply where it has an address, and no state
// where receipts have theirs.
type Replies struct {
	// From says where fields are: in a json or form body, or in the query.
	From string `yaml:"from"`
	// List is where the messages are, for JSON with several of them. Fields are then relative to one.
	List string `yaml:"list"`
	// Address is the customer's number, Text what the customer wrote.
	Address string `yaml:"address"`
	Text    string `yaml:"text"`
	// WithoutPlus says that numbers begin with the country's code, and get their plus from us.
	WithoutPlus bool `yaml:"without_plus"`
	// Proof is how the gateway proves that it is the one who calls.
	Proof ReplyProof `yaml:"proof"`
}

// ReplyProof is how a reply is known to come from the gateway; exactly one is set.
type ReplyProof struct {
	HMAC *HMAC `yaml:"hmac"`
	// Header is a secret that the gateway sends, Query one in the URL that it was given.
	Header *SharedHeader `yaml:"header"`
	Query  *SharedQuery  `yaml:"query"`
}

// SharedQuery is a parameter of our URL with a secret in it.
type SharedQuery struct {
	Name  string          `yaml:"name"`
	Value channels.Secret `yaml:"value"`
}

// HMAC is a signature of the raw body, or, where Timestamp is set, of the timestamp, a full stop and
// the raw body.
type HMAC struct {
	Secret channels.Secret `yaml:"secret"`
	Header string          `yaml:"header"`
	// Hash is sha256 (the default), sha512 or sha1.
	Hash string `yaml:"hash"`
	// Encoding is hex (the default) or base64.
	Encoding string `yaml:"encoding"`
	// Prefix stands before the signature: "sha256=".
	Prefix string `yaml:"prefix"`
	// Timestamp is a header with the time of the call, in seconds since 1970; older calls than Window
	// (5 minutes unless set) are refused.
	Timestamp string        `yaml:"timestamp"`
	Window    time.Duration `yaml:"window"`
}

// SharedHeader is a header with a secret in it.
type SharedHeader struct {
	Name  string          `yaml:"name"`
	Value channels.Secret `yaml:"value"`
}
