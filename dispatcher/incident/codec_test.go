package incident

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// goodData is a valid outage update's data, to be spoilt by tests.
func goodData() map[string]any {
	return map[string]any{
		"team": "payments", "incident": "2026-05-04_cards", "kind": "outage", "status": "identified",
		"impact": "major",
		"affects": map[string]any{
			"services": []any{"cards", "atm"}, "regions": []any{"north"},
			"segments": []any{"retail"}, "recipients": []any{"c 17"},
		},
		"started_at":      "2026-05-04T17:20:00+03:00",
		"estimate":        map[string]any{"at": "2026-05-04T19:00:00+03:00", "confidence": "medium"},
		"missed_estimate": "2026-05-04T18:00:00+03:00",
		"next_update_at":  "2026-05-04T18:45:00+03:00",
		"summary":         map[string]any{"en": "Card payments fail.", "ro-MD": "Plățile cu cardul nu funcționează."},
		"advice":          map[string]any{"en": "Use cash."},
		"cause":           map[string]any{"en": "A failed disk."},
		"compensation":    map[string]any{"en": "No fees this week."},
		"short":           map[string]any{"en": "Cards fail."},
		"alternatives":    map[string]any{"north": map[string]any{"en": "Cash machines on Main Street work."}},
		"link":            "https://status.example.com/cards",
		"unaffected":      []any{"online-banking"},
		"playbook":        "datacentre",
		"compensate":      []any{"no-fees"},
	}
}

func goodAttributes() map[string]any {
	return map[string]any{
		"specversion": "1.0", "type": EventType, "source": "/payments", "id": "e-1",
		"time": "2026-05-04T17:45:00Z", "datacontenttype": "application/json", "sequence": "7",
		"subject": "cards", "traceparent": "00-ab-cd-01",
	}
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func event(t testing.TB, attrs, data map[string]any) []byte {
	t.Helper()
	e := maps.Clone(attrs)
	if data != nil {
		e["data"] = data
	}
	return mustJSON(t, e)
}

func mustDecode(t testing.TB, header map[string][]string, body []byte) Update {
	t.Helper()
	u, faults := Decode(header, body)
	if len(faults) > 0 {
		t.Fatalf("faults: %v", faults)
	}
	return u
}

func TestDecodeModesAgree(t *testing.T) {
	plain := mustDecode(t, nil, event(t, goodAttributes(), goodData()))
	if plain.EventID != "e-1" || plain.Sequence != "7" || plain.Summary.In("ro-MD") == "" ||
		!plain.Time.Equal(time.Date(2026, 5, 4, 17, 45, 0, 0, time.UTC)) || plain.Estimate.Confidence != "medium" {
		t.Errorf("read wrongly: %+v", plain)
	}
	data := mustJSON(t, goodData())
	base64Event := goodAttributes()
	base64Event["data_base64"] = base64.StdEncoding.EncodeToString(data)
	httpHeader := http.Header{}
	natsHeader := map[string][]string{"Nats-Msg-Id": {"x"}, "empty": nil}
	for name, v := range goodAttributes() {
		if name != "datacontenttype" {
			httpHeader.Set("ce-"+name, v.(string))
		}
		natsHeader["ce-"+name] = []string{v.(string)}
	}
	httpHeader.Set("Content-Type", "application/json; charset=utf-8")
	for _, tt := range []struct {
		name   string
		header map[string][]string
		body   []byte
	}{
		{"structured", http.Header{"Content-Type": {ContentType + "; charset=utf-8"}}, event(t, goodAttributes(), goodData())},
		{"structured, as the NATS binding draft has it", map[string][]string{"content-type": {"application/cloudevents"}}, event(t, goodAttributes(), goodData())},
		{"structured, sent as JSON", http.Header{"Content-Type": {"application/json"}}, event(t, goodAttributes(), goodData())},
		{"structured, data in base64", nil, mustJSON(t, base64Event)},
		{"binary HTTP", httpHeader, data},
		{"binary NATS", natsHeader, data},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(plain, mustDecode(t, tt.header, tt.body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBinaryHeadersAreUnescaped(t *testing.T) {
	for in, want := range map[string]string{
		`plain`:                `plain`,
		`caf%C3%A9`:            `café`,
		`"quoted \"one\" %22"`: `quoted "one" "`,
		`"`:                    `"`,
	} {
		header := map[string][]string{"ce-specversion": {"1.0"}, "ce-type": {EventType}, "ce-source": {"/x"},
			"ce-id": {in}, "ce-time": {"2026-05-04T17:45:00Z"}}
		if got := mustDecode(t, header, mustJSON(t, goodData())).EventID; got != want {
			t.Errorf("id %q: got %q, want %q", in, got, want)
		}
	}
}

func TestEnvelopeFaults(t *testing.T) {
	good := event(t, goodAttributes(), goodData())
	with := func(name string, v any) []byte {
		attrs := goodAttributes()
		if attrs[name] = v; v == nil {
			delete(attrs, name)
		}
		return event(t, attrs, goodData())
	}
	withBase64 := func(v any) []byte {
		attrs := goodAttributes()
		attrs["data_base64"] = v
		return mustJSON(t, attrs)
	}
	for _, tt := range []struct {
		name   string
		header map[string][]string
		body   []byte
		want   string
	}{
		{"too large", nil, []byte(strings.Repeat(" ", MaxSize+1)), "body has 262145 bytes, at most 262144 are allowed"},
		{"not UTF-8", nil, []byte("{\"a\":\"\xff\"}"), "body is not UTF-8"},
		{"not JSON", nil, []byte("hello"), "body is not a JSON object"},
		{"null", nil, []byte("null"), "body is not a JSON object"},
		{"array", nil, []byte("[]"), "body is not a JSON object"},
		{"no event", nil, []byte(`{"team":"x"}`), `body is not a CloudEvent: no "specversion" in it, and no ce- headers with it`},
		{"bad media type", http.Header{"Content-Type": {"a/b/c;"}}, good, "content-type is not a media type"},
		{"batch", http.Header{"Content-Type": {"application/cloudevents-batch+json"}}, good, "content-type must be application/cloudevents+json or, with ce- headers, application/json"},
		{"bad escape", http.Header{"Ce-Id": {"%zz"}}, good, "ce.id is not percent-encoded UTF-8"},
		{"escaped binary", http.Header{"Ce-Id": {"%ff"}}, good, "ce.id is not percent-encoded UTF-8"},
		{"specversion", nil, with("specversion", "0.3"), "ce.specversion must be 1.0"},
		{"specversion null", nil, []byte(strings.Replace(string(good), `"specversion":"1.0"`, `"specversion":null`, 1)), "ce.specversion is missing"},
		{"type missing", nil, with("type", nil), "ce.type is missing"},
		{"type", nil, with("type", "x"), "ce.type must be dev.tocsin.incident.update.v1"},
		{"id missing", nil, with("id", nil), "ce.id is missing"},
		{"id number", nil, with("id", 3), "ce.id must be a string"},
		{"id long", nil, with("id", strings.Repeat("x", 257)), "ce.id is longer than 256 bytes"},
		{"id control", nil, with("id", "a\nb"), "ce.id must not hold control characters"},
		{"source missing", nil, with("source", nil), "ce.source is missing"},
		{"source", nil, with("source", "http://[bad"), "ce.source must be a URI reference, such as /payments or https://payments.example.com"},
		{"time missing", nil, with("time", nil), "ce.time is missing"},
		{"time", nil, with("time", "yesterday"), "ce.time must be a time with a zone as in RFC 3339, such as 2026-05-04T18:00:00+03:00"},
		{"datacontenttype", nil, with("datacontenttype", "text/xml"), "ce.datacontenttype must be application/json"},
		{"sequence empty", nil, with("sequence", ""), "ce.sequence is missing"},
		{"no data", nil, event(t, goodAttributes(), nil), "data is missing"},
		{"base64 number", nil, withBase64(1), "data_base64 must be a string"},
		{"base64 bad", nil, withBase64("%"), "data_base64 is not UTF-8 text in base64"},
		{"base64 not JSON", nil, withBase64("eA=="), "data is not JSON: invalid character 'x' looking for beginning of value"},
		{"both", nil, []byte(strings.Replace(string(good), `"id":`, `"data_base64":"e30=","id":`, 1)), "data_base64 must not be given together with data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := Decode(tt.header, tt.body)
			if got := joined(faults); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func joined(faults []Fault) string {
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "; ")
}

func TestDataFaults(t *testing.T) {
	text := func(s string) map[string]any { return map[string]any{"en": s} }
	long := strings.Repeat("x", 2001)
	set := func(path string, v any) func(map[string]any) {
		return func(d map[string]any) { d[path] = v }
	}
	affects := func(list string, v any) func(map[string]any) {
		return func(d map[string]any) { d["affects"] = map[string]any{list: v} }
	}
	maintenance := func(status string, ends any) func(map[string]any) {
		return func(d map[string]any) {
			d["kind"], d["status"] = "maintenance", status
			if ends != nil {
				d["ends_at"] = ends
			}
		}
	}
	const badTime = "must be a time with a zone as in RFC 3339, such as 2026-05-04T18:00:00+03:00"
	for _, tt := range []struct {
		name  string
		spoil func(map[string]any)
		want  string
	}{
		{"team missing", func(d map[string]any) { delete(d, "team") }, "data.team is missing"},
		{"team upper case", set("team", "Payments"), "data.team must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"team with a dot", set("team", "a.b"), "data.team must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"team with a wildcard", set("team", ">"), "data.team must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"team ends in a newline", set("team", "a\n"), "data.team must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"incident too long", set("incident", strings.Repeat("a", 65)), "data.incident must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"team number", set("team", 5), "data.team must be of type string, not number"},
		{"kind", set("kind", "party"), "data.kind must be one of outage, maintenance"},
		{"unknown status", set("status", "burning"), "data.status must be one of investigating, identified, monitoring, resolved, postmortem, correction"},
		{"maintenance status", set("status", "in_progress"), "data.status must be one of investigating, identified, monitoring, resolved, postmortem, correction"},
		{"outage status", maintenance("identified", nil), "data.status must be one of scheduled, in_progress, verifying, completed, cancelled, postmortem, correction"},
		{"impact", set("impact", "huge"), "data.impact must be one of minor, major, critical"},
		{"summary missing", func(d map[string]any) { delete(d, "summary") }, "data.summary is missing"},
		{"corrects without correction", set("corrects", "e-1"), "data.corrects is for the status correction only"},
		{"merged into no id", set("merged_into", "A.b"), "data.merged_into must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"alternative too long", set("alternatives", map[string]any{"north": text(long)}), "data.alternatives.north.en has 2001 characters, at most 300 are allowed"},
		{"alternative of two lines", set("alternatives", map[string]any{"north": text("a\nb")}), "data.alternatives.north.en must be one line of text, not blank and without control characters"},
		{"alternative for no region", set("alternatives", map[string]any{"no rth": text("a")}), `data.alternatives["no rth"] must be a region's id: 1 to 64 letters, digits, '.', '-' and '_', the first a letter or a digit`},
		{"alternative in no language", set("alternatives", map[string]any{"north": map[string]any{"English": "a"}}), "data.alternatives.north.English must be a language tag, such as en or ro-MD"},
		{"alternative empty", set("alternatives", map[string]any{"north": map[string]any{}}), "data.alternatives.north must be given in at least one language"},
		{"unaffected", set("unaffected", []any{"not ok"}), "data.unaffected[0] must be 1 to 64 letters, digits, '.', '-' and '_', the first a letter or a digit"},
		{"affected and not", set("unaffected", []any{"web", "atm"}), "data.unaffected[1] is among affects.services too"},
		{"playbook", set("playbook", "../x"), "data.playbook must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"automatic", set("automatic", "robot"), "data.automatic must be one of holding"},
		{"reminder of an outage", set("automatic", "reminder"), "data.automatic must be one of holding"},
		{"holding what is coming", func(d map[string]any) {
			maintenance("scheduled", "2026-05-04T19:00:00Z")(d)
			d["automatic"] = "holding"
		}, "data.automatic must be one of reminder"},
		{"holding what is over", func(d map[string]any) {
			d["status"], d["resolved_at"], d["automatic"] = "resolved", "2026-05-04T19:00:00Z", "holding"
		}, "data.automatic is for what Tocsin says by itself: holding updates while it goes on, and reminders of what is scheduled"},
		{"compensate", set("compensate", []any{"A"}), "data.compensate[0] must be 1 to 64 of the characters a-z, 0-9, '-' and '_'"},
		{"services", affects("services", []any{"ok", "also", "not ok"}), "data.affects.services[2] must be 1 to 64 letters, digits, '.', '-' and '_', the first a letter or a digit"},
		{"service twice", affects("services", []any{"a", "b", "a"}), "data.affects.services has the same entry twice, at 0 and 2"},
		{"recipient empty", affects("recipients", []any{""}), "data.affects.recipients[0] must not be empty"},
		{"recipient control", affects("recipients", []any{"a\tb"}), "data.affects.recipients[0] must not hold control characters"},
		{"affects unknown", affects("countries", []any{}), "data.affects.countries is not a known property"},
		{"affects missing", func(d map[string]any) { delete(d, "affects") }, "data.affects is missing"},
		{"started_at", set("started_at", "2026-05-04"), "data.started_at " + badTime},
		{"leap second", set("started_at", "2026-06-30T23:59:60Z"), "data.started_at " + badTime},
		{"estimate", set("estimate", map[string]any{"confidence": "sure"}), "data.estimate.at is missing; data.estimate.confidence must be one of low, medium, high"},
		{"summary empty", set("summary", map[string]any{}), "data.summary must be given in at least one language"},
		{"summary no language", set("summary", map[string]any{"English": "x"}), "data.summary.English must be a language tag, such as en or ro-MD"},
		{"summary blank", set("summary", text(" \n ")), "data.summary.en must be text, not blank and without control characters"},
		{"summary control", set("summary", text("a\x00b")), "data.summary.en must be text, not blank and without control characters"},
		{"summary long", set("summary", text(long)), "data.summary.en has 2001 characters, at most 2000 are allowed"},
		{"short two lines", set("short", text("a\nb")), "data.short.en must be one line of text, not blank and without control characters"},
		{"link relative", set("link", "status"), "data.link must be a full address, such as https://status.example.com/1"},
		{"link script", set("link", "javascript:alert(1)"), "data.link must be an http or https address"},
		{"unknown", set("severity", 1), "data.severity is not a known property"},
		{"unknown, quoted", set("a b\"", 1), `data["a b\""] is not a known property`},
		{"outage with an end", set("ends_at", "2026-05-04T19:00:00Z"), "data.ends_at is for maintenance only; say when an outage should be over with estimate"},
		{"scheduled without an end", maintenance("scheduled", nil), "data.ends_at is missing"},
		{"end before start", maintenance("scheduled", "2026-05-04T14:20:00Z"), "data.ends_at must be after started_at"},
		{"postmortem without cause", func(d map[string]any) { d["status"] = "postmortem"; delete(d, "cause") }, "data.cause is missing"},
		{"postmortem with empty cause", func(d map[string]any) { d["status"] = "postmortem"; d["cause"] = map[string]any{} }, "data.cause must be given in at least one language"},
		{"resolved without a time", set("status", "resolved"), "data.resolved_at is missing"},
		{"resolved time too early", func(d map[string]any) { d["status"], d["resolved_at"] = "resolved", "2026-05-04T14:19:59Z" }, "data.resolved_at must not be before started_at"},
		{"resolved time too soon", set("resolved_at", "2026-05-04T19:00:00Z"), "data.resolved_at is for the statuses resolved, completed, postmortem and correction only"},
		{"all at once", func(d map[string]any) { d["kind"] = "x"; d["impact"] = nil; delete(d, "summary") }, "data.impact must be one of minor, major, critical; data.kind must be one of outage, maintenance; data.summary is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := goodData()
			tt.spoil(data)
			_, faults := Decode(nil, event(t, goodAttributes(), data))
			if got := joined(faults); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTooMany(t *testing.T) {
	many := func(n int, name func(int) string) []any {
		var l []any
		for i := range n {
			l = append(l, name(i))
		}
		return l
	}
	data := goodData()
	data["affects"] = map[string]any{
		"services":   many(501, func(i int) string { return fmt.Sprint("s", i) }),
		"recipients": many(5001, func(i int) string { return fmt.Sprint("c", i) }),
	}
	languages := map[string]any{}
	for i := range 51 {
		languages[fmt.Sprintf("x%c%c", 'a'+i/26, 'a'+i%26)] = "x"
	}
	data["summary"] = languages
	_, faults := Decode(nil, event(t, goodAttributes(), data))
	want := "data.affects.recipients has 5001 entries, at most 5000 are allowed; " +
		"data.affects.services has 501 entries, at most 500 are allowed; " +
		"data.summary has 51 languages, at most 50 are allowed"
	if got := joined(faults); got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

func TestFaultsOfEnvelopeAndDataTogether(t *testing.T) {
	attrs, data := goodAttributes(), goodData()
	delete(attrs, "time")
	delete(data, "team")
	_, faults := Decode(nil, event(t, attrs, data))
	want := []Fault{{"ce.time", "is missing"}, {"data.team", "is missing"}}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Error(diff)
	}
}

func TestLongNamesAreCut(t *testing.T) {
	data := goodData()
	data[strings.Repeat("ж", 5000)] = 1
	_, faults := Decode(nil, event(t, goodAttributes(), data))
	if len(faults) != 1 || len(faults[0].Path) > 200 {
		t.Errorf("faults %v", faults)
	}
}

func TestEveryStatusDecodes(t *testing.T) {
	for kind, table := range map[Kind]statuses{Outage: lifecycle(Outage), Maintenance: lifecycle(Maintenance)} {
		for status := range table {
			if status == "" {
				status = Correction
			}
			data := goodData()
			data["kind"], data["status"] = kind, status
			if kind == Maintenance {
				data["ends_at"] = "2026-05-04T23:00:00Z"
			}
			if status == Resolved || status == Completed {
				data["resolved_at"] = "2026-05-04T23:00:00Z"
			}
			if u := mustDecode(t, nil, event(t, goodAttributes(), data)); u.Status != status {
				t.Errorf("%s %s: got %s", kind, status, u.Status)
			}
		}
	}
}

func TestEncode(t *testing.T) {
	u := mustDecode(t, nil, event(t, goodAttributes(), goodData()))
	body, err := Encode(u)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(u, mustDecode(t, nil, body)); diff != "" {
		t.Error(diff)
	}
	u.Team = "Not a token"
	_, err = Encode(u)
	bad, ok := errors.AsType[*FaultError](err)
	if !ok || len(bad.Faults) != 1 || !strings.HasPrefix(err.Error(), "bad update: data.team must") {
		t.Errorf("error %v", err)
	}
	u.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := Encode(u); err == nil {
		t.Error("a time that RFC 3339 can't hold was encoded")
	}
}

func TestSchemaIsValid(t *testing.T) {
	s := Schema()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(s)))
	if err != nil {
		t.Fatal(err)
	}
	if err := jsonschema.NewCompiler().AddResource(schemaURL, doc); err != nil {
		t.Error(err)
	}
	if doc.(map[string]any)["$id"] != schemaURL {
		t.Error("the schema's $id is not the address it is compiled under")
	}
	s[0] = 'x'
	if Schema()[0] != '{' {
		t.Error("Schema gave away its own copy")
	}
}

// TestSecondThoughts decodes the two ways in which a team takes back what an incident was.
func TestSecondThoughts(t *testing.T) {
	d := goodData()
	d["status"], d["corrects"] = "correction", "event 7/é"
	if u := mustDecode(t, nil, event(t, goodAttributes(), d)); u.Corrects != "event 7/é" {
		t.Errorf("corrects %q", u.Corrects)
	}
	d = goodData()
	d["merged_into"] = "dc-1"
	if u := mustDecode(t, nil, event(t, goodAttributes(), d)); u.MergedInto != "dc-1" || u.Silent() {
		t.Errorf("merged into %q, silent %v", u.MergedInto, u.Silent())
	}
	delete(d, "summary")
	u := mustDecode(t, nil, event(t, goodAttributes(), d))
	if !u.Silent() {
		t.Error("a merging update without a summary is not silent")
	}
	body, err := Encode(u)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(u, mustDecode(t, nil, body)); diff != "" {
		t.Error(diff)
	}
}

func TestAutomatic(t *testing.T) {
	for status, want := range map[Status]Automatic{Monitoring: Holding, Scheduled: Reminder, Verifying: Holding} {
		data := goodData()
		data["status"], data["automatic"], data["follows"] = status, want, "event 7/é"
		if status != Monitoring {
			data["kind"], data["ends_at"] = "maintenance", "2026-05-05T19:00:00Z"
		}
		if u := mustDecode(t, nil, event(t, goodAttributes(), data)); u.Automatic != want || u.Follows != "event 7/é" {
			t.Errorf("%s: automatic %q, follows %q", status, u.Automatic, u.Follows)
		}
	}
	data := goodData()
	data["follows"] = "event 7"
	if _, faults := Decode(nil, event(t, goodAttributes(), data)); len(faults) != 1 || faults[0].Path != "data.follows" {
		t.Errorf("a team's update follows one: %v", faults)
	}
}

// The schema and Data must name the same properties, or a valid update would lose something.
func TestSchemaMatchesData(t *testing.T) {
	u := mustDecode(t, nil, event(t, goodAttributes(), goodData()))
	var back map[string]any
	if err := json.Unmarshal(mustJSON(t, u.Data), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(goodData(), back); diff != "" {
		t.Error(diff)
	}
	var schema struct {
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for name, p := range schema.Properties {
		if p.Description == "" {
			t.Errorf("%s has no description", name)
		}
		if _, ok := goodData()[name]; !ok && !slices.Contains([]string{"automatic", "follows", "ends_at", "resolved_at", "corrects", "merged_into"}, name) {
			t.Errorf("%s is in the schema but not in Data's test", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("application/cloudevents+json", "", event(f, goodAttributes(), goodData()))
	f.Add("application/json", "1.0", mustJSON(f, goodData()))
	f.Add("", "", []byte(`{"specversion":"1.0","data_base64":"e30="}`))
	f.Add("", `"%41\"`, []byte(`{"team":null}`))
	f.Fuzz(func(t *testing.T, contentType, spec string, body []byte) {
		header := map[string][]string{}
		if contentType != "" {
			header["content-type"] = []string{contentType}
		}
		if spec != "" {
			header = map[string][]string{"ce-specversion": {spec}, "ce-type": {EventType}, "ce-source": {"/f"},
				"ce-id": {"1"}, "ce-time": {"2026-05-04T17:45:00Z"}, "content-type": {contentType}}
		}
		u, faults := Decode(header, body)
		for _, flt := range faults {
			if flt.Path == "" || flt.Problem == "" || strings.Contains(flt.Problem, "$defs") {
				t.Errorf("unclear fault %q", flt)
			}
		}
		if len(faults) > 0 {
			return
		}
		again, err := Encode(u)
		if bad, ok := errors.AsType[*FaultError](err); ok && bad.Faults[0].Path == "body" {
			return // escapes made it longer than allowed
		}
		if err != nil {
			t.Fatalf("what was decoded can't be encoded: %v", err)
		}
		if diff := cmp.Diff(u, mustDecode(t, nil, again)); diff != "" {
			t.Error(diff)
		}
	})
}
