package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/channels"
)

func testClient(t testing.TB) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// answering starts a gateway that gives every request the same answer, and keeps the requests.
func answering(t *testing.T, status int, answer string) (url string, requests <-chan string) {
	t.Helper()
	kept := make(chan string, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept <- dump(r)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, kept
}

// dump writes a request down in an order that is always the same.
func dump(r *http.Request) string {
	var lines []string
	for name, values := range r.Header {
		if name != "Accept-Encoding" && name != "Content-Length" {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	body, _ := io.ReadAll(r.Body)
	return r.Method + " " + r.RequestURI + "\n" + strings.Join(lines, "\n") + "\n\n" + string(body) + "\n"
}

// TestGoldenRequests sends one message, full of what is easily escaped wrongly, by every description in
// testdata.
func TestGoldenRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("descriptions in testdata: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			url, requests := answering(t, http.StatusOK, "OK 1")
			config, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := mustNew(t, strings.ReplaceAll(string(config), "https://sms.example.com", url))
			_, err = s.Send(t.Context(), channels.Message{
				Ref: "0192-1-1-mac", Address: "+37369000100", Locale: "ru", UsefulFor: 90 * time.Minute,
				Text: "a&b=c \"d\" <e> {text} {{f}} %41 \\n\nплата/../\U0001F514", Callback: "https://t.example/r/0192-1-1-mac",
			})
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			want, err := os.ReadFile(golden)
			if got := <-requests; err != nil || got != string(want) {
				t.Errorf("%s: %v, the request is\n%s", golden, err, got)
			}
		})
	}
}

// TestAddresses: what isn't a number never gets into a request.
func TestAddresses(t *testing.T) {
	url, requests := answering(t, http.StatusOK, "OK")
	s := mustNew(t, "request: {url: \""+url+"/send/{number}\"}\n")
	for _, address := range []string{"", "+", "+373 1", "+373/../x", "+373\r\nX: y", "bank"} {
		if _, err := s.Send(t.Context(), channels.Message{Address: address, Text: "a"}); channels.AsError(err).Class != channels.InvalidAddress {
			t.Errorf("%q: error %v, want class invalid_address", address, err)
		}
	}
	if len(requests) > 0 {
		t.Error("a request was made")
	}
}

func TestValidity(t *testing.T) {
	v := Validity{Unit: "minutes", Most: 48 * time.Hour}
	for useful, want := range map[time.Duration]string{0: "2880", time.Second: "1", 119 * time.Second: "1", time.Hour: "60", 72 * time.Hour: "2880"} {
		if got := v.of(useful); got != want {
			t.Errorf("%v is %s, want %s", useful, got, want)
		}
	}
}

// TestDescriptions holds errors in a description to naming the key and the reason.
func TestDescriptions(t *testing.T) {
	const url, ok = "request: {url: \"https://h/?m={text}&c={callback}\"", "}\n"
	const receipts = "receipts: {from: query, state: s, states: {delivered: [D], failed: [F]}"
	for name, tt := range map[string]struct{ config, want string }{
		"no request":               {"from: x\n", "request.url: missing"},
		"relative URL":             {"request: {url: /send}\n", "request.url: want an absolute"},
		"placeholder in the host":  {"request: {url: \"https://{from}/\"}\nfrom: x\n", "request.url: want an absolute"},
		"placeholder after dot":    {"request: {url: \"https://h.{from}/\"}\nfrom: x\n", "request.url: want an absolute"},
		"password in the URL":      {"request: {url: \"https://u:hidden@h/\"}\n", "request.url: want an absolute"},
		"fragment":                 {"request: {url: \"https://h/#x\"}\n", "request.url: has a fragment"},
		"unknown placeholder":      {"request: {url: \"https://h/{txt}\"}\n", "request.url: has the unknown placeholder {txt}: one of callback, digits"},
		"single brace":             {"request: {url: \"https://h/{text\"}\n", "request.url: has a single brace"},
		"another single brace":     {"request: {url: \"https://h/text}\"}\n", "request.url: has a single brace"},
		"unknown form":             {"request: {url: \"https://h/{text:upper}\"}\n", "request.url: has {text:upper}"},
		"from without from":        {"request: {url: \"https://h/{from}\"}\n", "request.url: has {from}, so from is required"},
		"validity without unit":    {"request: {url: \"https://h/{validity}\"}\n", "request.url: has {validity}, so validity needs"},
		"validity below a unit":    {"request: {url: \"https://h/{validity}\"}\nvalidity: {unit: hours, most: 1m}\n", "request.url: has {validity}"},
		"encoding without names":   {"request: {url: \"https://h/{encoding}\"}\n", "request.url: has {encoding}, so encoding needs"},
		"secret that is built in":  {url + ok + "secrets: {text: x}\n", "secrets.text: want a name"},
		"empty secret":             {url + ok + "secrets: {token: \"\"}\n", "secrets.token: empty"},
		"text in a header":         {url + ", headers: {X-Text: \"{text}\"}" + ok, "request.headers.X-Text: has {text}"},
		"line end in a header":     {url + ", headers: {X-A: \"a\\nb\"}" + ok, "request.headers.X-A: has a line end"},
		"line end in a secret":     {url + ", headers: {X-A: \"{t}\"}" + ok + "secrets: {t: \"a\\nb\"}\n", "request.headers.X-A: a secret has"},
		"no header's name":         {url + ", headers: {\"X A\": b}" + ok, "request.headers: \"X A\""},
		"another method":           {url + ", method: PATCH" + ok, "request.method: want"},
		"GET with a body":          {url + ", method: GET, form: {a: b}" + ok, "request.method: GET has no body"},
		"two bodies":               {url + ", form: {a: b}, xml: <a/>" + ok, "request: json, form, xml: at most one"},
		"unknown in the form":      {url + ", form: {a: \"{b}\"}" + ok, "request.form.a: has the unknown"},
		"unknown in JSON":          {url + ", json: {a: [{b: \"{c}\"}]}" + ok, "request.json.a.0.b: has the unknown"},
		"number of text":           {url + ", json: {a: \"{text:number}\"}" + ok, "request.json.a: a number is"},
		"number in a text":         {url + ", json: {a: \"+{digits:number}\"}" + ok, "request.json.a: a number is"},
		"a date in JSON":           {url + ", json: {a: 2026-01-01}" + ok, "request.json.a: a value that JSON"},
		"XML that is none":         {url + ", xml: \"<a><b></a>\"" + ok, "request.xml: "},
		"pointer and pattern":      {url + ok + "answer: {id: {pointer: /a, pattern: b}}\n", "answer.id: want either"},
		"pointer without slash":    {url + ok + "answer: {id: {pointer: a}}\n", "answer.id.pointer: want a JSON pointer"},
		"pattern that is none":     {url + ok + "answer: {id: {pattern: \"(\"}}\n", "answer.id.pattern: "},
		"pattern without group":    {url + ok + "answer: {id: {pattern: a}}\n", "answer.id.pattern: want one group"},
		"code without accepted":    {url + ok + "answer: {code: {pointer: /c}}\n", "answer.accepted: missing"},
		"accepted without code":    {url + ok + "answer: {accepted: [a]}\n", "answer.code: missing"},
		"code of two classes":      {url + ok + "answer: {code: {pointer: /c}, accepted: [a], errors: {auth: [b], rejected: [b]}}\n", "answer.errors: b is"},
		"code good and bad":        {url + ok + "answer: {code: {pointer: /c}, accepted: [a], errors: {auth: [a]}}\n", "answer.accepted: \"a\""},
		"status that isn't 2xx":    {url + ok + "answer: {statuses: [302]}\n", "answer.statuses: 302"},
		"status of two classes":    {url + ok + "answer: {http_errors: {auth: [402], rejected: [402]}}\n", "answer.http_errors: 402"},
		"receipts from nowhere":    {url + ok + "receipts: {from: xml}\n", "receipts.from: want"},
		"list in a query":          {url + ok + "receipts: {from: query, list: /a}\n", "receipts.list: only JSON"},
		"no state":                 {url + ok + "receipts: {from: query}\n", "receipts.state: missing"},
		"state by no pointer":      {url + ok + "receipts: {from: json, state: s}\n", "receipts.state: want a JSON pointer"},
		"no words":                 {url + ok + "receipts: {from: query, state: s, states: {delivered: [D]}}\n", "receipts.states: want the words"},
		"a word of two meanings":   {url + ok + "receipts: {from: query, state: s, states: {delivered: [D], failed: [D]}}\n", "receipts.states: D is"},
		"no proof":                 {url + ok + receipts + "}\n", "receipts.proof: exactly one"},
		"two proofs":               {url + ok + receipts + ", proof: {key: k, header: {name: X, value: y}}}\n", "receipts.proof: exactly one"},
		"half a header":            {url + ok + receipts + ", proof: {header: {name: X}}}\n", "receipts.proof.header: want"},
		"half an HMAC":             {url + ok + receipts + ", proof: {hmac: {header: X}}}\n", "receipts.proof.hmac: want"},
		"another hash":             {url + ok + receipts + ", proof: {hmac: {header: X, secret: s, hash: md5}}}\n", "receipts.proof.hmac.hash"},
		"another encoding":         {url + ok + receipts + ", proof: {hmac: {header: X, secret: s, encoding: b32}}}\n", "receipts.proof.hmac.encoding"},
		"window without timestamp": {url + ok + receipts + ", proof: {hmac: {header: X, secret: s, window: 1m}}}\n", "receipts.proof.hmac.window"},
		"key without callback":     {"request: {url: \"https://h/{text}\"}\n" + receipts + ", proof: {key: k}}\n", "receipts.proof.key: the request has no {callback}"},
		"ref without ref":          {url + ok + receipts + ", ref: r, proof: {key: k}}\n", "receipts.ref: the request has no {ref}"},
		"replies without a text":   {"request: {url: \"https://h/{text}\"}\nreplies: {from: form, address: a, proof: {header: {name: X, value: y}}}\n", "replies: want address and text"},
		"replies from nowhere":     {"request: {url: \"https://h/{text}\"}\nreplies: {from: mail, address: a, text: t}\n", "replies.from: want json, form or query"},
		"replies without proof":    {"request: {url: \"https://h/{text}\"}\nreplies: {from: form, address: a, text: t}\n", "replies.proof: exactly one"},
		"replies, half a pointer":  {"request: {url: \"https://h/{text}\"}\nreplies: {from: json, address: a, text: /t}\n", "replies.address: want a JSON pointer"},
		"replies, a short secret":  {"request: {url: \"https://h/{text}\"}\nreplies: {from: form, address: a, text: t, proof: {query: {name: k, value: short}}}\n", "replies.proof.query: want"},
		"no way to the message":    {"request: {url: \"https://h/{text}\"}\n" + receipts + ", id: i, proof: {header: {name: X, value: y}}}\n", "receipts: which message"},
	} {
		_, err := newSender(decode(tt.config), channels.Env{HTTP: &http.Client{}})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q…", name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: error %v gives a secret away", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"{text}", "{{a}}", "a{b", "}", "{text:number}", "{}", "{{{text}}}"} {
		f.Add(s, "value")
	}
	c := &Config{}
	f.Fuzz(func(t *testing.T, text, value string) {
		tpl, err := c.parse(text)
		if err != nil {
			return
		}
		got := tpl.render(values{"text": value}, asIs)
		if !strings.ContainsAny(text, "{}") && got != text {
			t.Errorf("%q without placeholders is %q", text, got)
		}
		if tpl.has("text") && !strings.Contains(got, value) {
			t.Errorf("%q of %q is %q", text, value, got)
		}
	})
}
