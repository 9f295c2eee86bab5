package app_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/tocsin-dev/tocsin/"

// imports lists each package of the module with the module's packages that it imports, tests left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		var own []string
		for _, imp := range fields[1:] {
			if p, ok := strings.CutPrefix(imp, module); ok {
				own = append(own, p)
			}
		}
		all[strings.TrimPrefix(fields[0], module)] = own
	}
	if len(all) < 20 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

// layers are the rooms of the house in the order of the data's way: a package imports from earlier
// layers only.
var layers = [][]string{
	{"channels", "dispatcher/doctor", "dispatcher/strictyaml"},
	{"dispatcher/clock", "dispatcher/incident"},
	{"dispatcher/notification"},
	{"dispatcher/audience"},
	{"templates"},
	{"templates/playbook", "templates/preview"},
	{"dispatcher/promise"},
	{"dispatcher/plan"},
	{"dispatcher/forecast"},
	{"dispatcher/ledger"},
	{"dispatcher/audit"},
	{"dispatcher/ledger/internal/rows"},
	{"dispatcher/ledger/sqlite", "dispatcher/ledger/postgres"},
	{"dispatcher/bus"},
	{"dispatcher"},
	{"dispatcher/lane", "fallback", "dispatcher/dashboard", "dispatcher/httpapi"},
	{"dispatcher/app"},
	{"cmd/tocsin"},
}

func layerOf(p string) int {
	for i, l := range layers {
		for _, q := range l {
			if p == q {
				return i
			}
		}
	}
	return -1
}

// TestImportsRunOneWay keeps the house in order: imports run with the way of the data, an adapter
// knows the contract and its kind only, a simulator knows no adapter, roles don't know each other or
// a concrete store, and only cmd knows the list of adapters.
func TestImportsRunOneWay(t *testing.T) {
	for p, own := range imports(t) {
		for _, imp := range own {
			if why := forbidden(p, imp); why != "" {
				t.Errorf("%s imports %s: %s", p, imp, why)
			}
		}
	}
}

// provider is below which the parts are that several adapters of one provider share, and their simulators.
const provider = "channels/internal/"

func forbidden(p, imp string) string {
	switch {
	case strings.HasSuffix(p, "test"): // suites
		return ""
	case imp == "channels/all" && p != "cmd/tocsin":
		return "only cmd knows the adapters by name"
	case imp == "dispatcher/ledger/postgres/pgserver": // a server to store in, no store
		return ""
	case strings.HasPrefix(imp, "dispatcher/ledger/") && !strings.HasPrefix(p, "dispatcher/ledger/") && p != "dispatcher/app":
		return "only app knows a concrete store"
	case p == "channels/all" || p == "channels/channeltest":
		return ""
	case strings.HasSuffix(p, "/sim"):
		if imp != "channels/sandbox" && imp != "channels" && !(strings.HasPrefix(imp, provider) && strings.HasSuffix(imp, "/sim")) {
			return "a simulator knows the sandbox only"
		}
	case strings.HasPrefix(p, "channels/"):
		bounces := imp == "channels/email/bounce" && strings.HasPrefix(p, "channels/email/")
		if imp != "channels" && !bounces && !strings.HasPrefix(p, imp+"/") && (!strings.HasPrefix(imp, provider) || strings.HasSuffix(imp, "/sim")) {
			return "an adapter knows the contract, its kind and its provider only"
		}
	case layerOf(p) >= 0 && layerOf(imp) >= 0 && layerOf(imp) >= layerOf(p):
		return "imports run with the way of the data"
	}
	return ""
}
