# make help lists what there is.
.DEFAULT_GOAL := help
.PHONY: help deps build test race integration lint fuzz bench microbench demo chaos generate clean

GO        ?= go
FUZZTIME  ?= 10s
SCENARIO  ?= datacentre
CUSTOMERS ?= 10000
CHANNELS  ?= usual
RECIPIENTS ?= 100000
DURATION  ?= 10m
SETUP     ?= both
SEED      ?= 0
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
	@echo
	@echo 'Settings: SCENARIO=$(SCENARIO) CUSTOMERS=$(CUSTOMERS) CHANNELS=$(CHANNELS) KEEP=1 (demo), RECIPIENTS=$(RECIPIENTS) (bench), FUZZTIME=$(FUZZTIME) (fuzz), DURATION=$(DURATION) SETUP=$(SETUP) SEED=… (chaos)'

# Programs of others that tests start, and the packages of Debian that have them. Postfix is installed
# without a configuration, so that it opens no port of its own.
PROGRAMS := initdb bearerbox postfix gcc
PACKAGES := postgresql kannel postfix gcc libc6-dev

deps: ## install what tests need beside Go: PostgreSQL's, Kannel's and Postfix's programs, a C compiler (Debian; as root)
	@PATH="$$PATH:/usr/sbin:$$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)"; \
	for program in $(PROGRAMS); do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	test -z "$$missing" || \
	  { echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES); } || \
	  { echo "tests need$$missing: install what has them ($(PACKAGES)), or run this as root on Debian"; exit 1; }

build: ## build bin/tocsin
	$(GO) build -trimpath -o bin/tocsin ./cmd/tocsin

test: deps ## run all tests, installing what they need
	$(GO) test ./...

# The tests run the command hundreds of times, and each would wait a second at its end for late reports of races.
race: deps ## run all tests with the race detector
	GORACE=atexit_sleep_ms=20 $(GO) test -race ./...

WEB_PUSH_TESTING ?= $(CURDIR)/bin/node_modules/web-push-testing

integration: ## run the tests against servers of others that npm installs: a push service
	@command -v npm >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; } || \
	  { echo "these tests need node and npm: install them, or run this as root on Debian"; exit 1; }
	@test -d $(WEB_PUSH_TESTING) || npm install --silent --no-audit --no-fund --no-save --prefix bin web-push-testing@1.2.2
	WEB_PUSH_TESTING=$(WEB_PUSH_TESTING) $(GO) test -count=1 -tags integration -run WebPushTesting ./channels/push/webpush

lint: ## check format, vet and staticcheck; golangci-lint too, where it is installed
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run; fi

fuzz: ## run each fuzz target for FUZZTIME
	@grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do \
	  grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go | sed 's/^func //' | while read -r target; do \
	    echo "== $$dir $$target"; \
	    $(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$dir" </dev/null || exit 1; \
	  done || exit 1; \
	done

bench: build ## measure CPU time per recipient beside the bare provider clients: RECIPIENTS=…
	./bin/tocsin bench --recipients $(RECIPIENTS)
	./bin/tocsin bench --recipients $(RECIPIENTS) --channels null

microbench: ## run the benchmarks of the parts
	$(GO) test -run='^$$' -bench=. -benchmem ./...

demo: build ## play the story of an outage against simulated providers: SCENARIO=…, CUSTOMERS=…, CHANNELS=all, KEEP=1
	./bin/tocsin demo --scenario $(SCENARIO) --customers $(CUSTOMERS) --channels $(CHANNELS) $(if $(KEEP),--keep)

chaos: build ## hold a drill: kill and cut everything while updates flow: DURATION=…, SEED=…, SETUP=cluster|embedded|both
	./bin/tocsin chaos --setup $(SETUP) --duration $(DURATION) --seed $(SEED)

generate: ## make generated files anew: the table of channels
	$(GO) generate ./...

clean: ## remove what was built
	rm -rf bin coverage.out
	$(GO) clean -testcache
