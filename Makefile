# Two commands are all a newcomer needs: `make demo` and `make test`.
# Both set up what they need first, and do nothing again that is done.

SEED   ?= 1
BIN    := bin/tokenwatch
LOCAL  := deploy/local
ASSETS := $(LOCAL)/node_modules/.package-lock.json
ASN    := $(LOCAL)/data/asn.mmdb
KAFKA  := $(LOCAL)/data/realkafka/.fetched

# Without cgo the binary is one file that runs anywhere; the race detector needs a C compiler.
export CGO_ENABLED ?= 0
space := $() $()
RACE := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo yes)

# What plays millions of events through one engine runs without the race detector, which makes it ten times as long.
NORACE := ^(TestWorlds|TestFleet|TestRekeyed)$$

# So do packages of which everything happens in one goroutine, as TestSingle holds them to: there is nothing in them that it could
# find. Where they are used by several, in other packages' tests, it looks on; READERS is the one such test of their own.
SINGLE := detect deploy/simulate
READERS := ^TestSeveralReadersAtOnce$$

# The measurements are tests that are told to be large. They run without the race detector.
BENCH := CGO_ENABLED=0 go test ./cmd/tokenwatch -v -count=1 -timeout 4h

.PHONY: help bench-ingest bench-storage bench-query demo test test-kafka kafka build setup torture lint fuzz clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## See it work: a simulated fleet, thefts, alerts (SEED=7 for another world, KEEP=1 to keep it running)
	@$(BIN) demo --seed $(SEED) $(if $(KEEP),--keep)

test: setup ## Run all tests, against real engines, with the race detector where a C compiler is found
	@$(if $(RACE),,echo "No C compiler found: the tests run WITHOUT the race detector." >&2;) \
	$(if $(RACE),CGO_ENABLED=1) go test $(if $(RACE),-race) -timeout 25m $(if $(RACE),$$(go list ./... | grep -vE '/($(subst $(space),|,$(SINGLE)))$$'),./...)
	@$(if $(RACE),CGO_ENABLED=1 go test -race -run '$(READERS)' ./deploy/simulate,true)
	@$(if $(RACE),CGO_ENABLED=0 go test -timeout 10m $(SINGLE:%=./%),true)
	@$(if $(RACE),CGO_ENABLED=0 go test -timeout 10m -parallel 3 -run '$(NORACE)' ./cmd/tokenwatch,true)

# The torture waits as much as the other tests compute, so they run side by side, as packages do in `make test`.
test-kafka: setup kafka ## Run the Kafka tests against a real Apache Kafka as well (needs Maven and Java 17)
	@$(MAKE) --no-print-directory -j2 test-kafka-clients test-kafka-torture

.PHONY: test-kafka-clients test-kafka-torture
test-kafka-clients:
	@$(if $(RACE),CGO_ENABLED=1) TOKENWATCH_REAL_KAFKA=1 go test $(if $(RACE),-race) -count=1 -timeout 20m ./deploy/local/realkafka ./ingest/kafka
	@$(if $(RACE),CGO_ENABLED=1) TOKENWATCH_REAL_KAFKA=1 go test $(if $(RACE),-race) -count=1 -timeout 20m -run Kafka ./ingest

test-kafka-torture:
	@$(if $(RACE),CGO_ENABLED=1) TOKENWATCH_REAL_KAFKA=1 go test $(if $(RACE),-race) -count=1 -timeout 20m -run '^TestTorture$$' ./cmd/tokenwatch -torture-broker=kafka

kafka: $(KAFKA) ## Fetch Apache Kafka with Maven, for test-kafka

$(KAFKA): $(LOCAL)/realkafka/pom.xml
	@command -v mvn >/dev/null || { echo "mvn is missing: it fetches Apache Kafka. Install Maven and a Java runtime, 17 or newer." >&2; exit 1; }
	@echo "Fetching Apache Kafka (44 MB) with Maven ..."
	@rm -rf $(@D)
	@mvn -q -B -C -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(abspath $(@D))
	@touch $@

setup: $(ASSETS) build $(ASN) ## Fetch and build what the embedded engines need

# With the flags of the tests and the linters, so that each package is compiled once. The image's binary is built by deploy/Dockerfile.
build: ## Build bin/tokenwatch
	@mkdir -p bin
	@test -x $(BIN) || echo "Building tokenwatch (the first time Go fetches its modules: a minute or two) ..."
	@go build -o $(BIN) ./cmd/tokenwatch

$(ASSETS): $(LOCAL)/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: it fetches ClickHouse's library and the address databases. Install Node.js with npm." >&2; exit 1; }
	@echo "Fetching ClickHouse (178 MB) and the address databases with npm ..."
	@npm ci --prefix $(LOCAL) --no-audit --no-fund --loglevel=error
	@touch $@

$(ASN): $(ASSETS)
	@$(MAKE) --no-print-directory build
	@$(BIN) setup

bench-ingest: setup ## Measure ingest beside ClickHouse's own Kafka engine (RECORDS=5000000, LIVE=60s, BROKER=auto|kafka|kfake)
	@$(BENCH) -run '^TestIngestRate$$' -ingest-records $(or $(RECORDS),5000000) -ingest-settings 3 -ingest-broker $(or $(BROKER),auto) \
		-ingest-live $(or $(LIVE),60s) $(if $(PARTITIONS),-ingest-partitions $(PARTITIONS)) $(if $(PROFILE),-ingest-profile $(abspath $(PROFILE)))

bench-storage: setup ## Measure the bytes an event takes on disk, and other ways to store it (SEED=1)
	@$(BENCH) -run '^TestStorage$$' -storage-events 0 -storage-alternatives -storage-seed $(SEED)

bench-query: setup ## Measure questions about one token over many rows (ROWS=100000000)
	@$(BENCH) -run '^TestQueries$$' -query-rows $(or $(ROWS),100000000) -query-rounds 100

lint: ## Vet, static analysis, formatting
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt'ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet ./...
	@go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

torture: setup ## Kill, stall, cut and starve everything while records flow, for ROUNDS (default 100) rounds; SEED repeats a run, ONLY='Kafka.*cut' picks, BROKER=kafka takes a real one
	@$(if $(filter kafka,$(BROKER)),$(MAKE) --no-print-directory kafka)
	@$(if $(RACE),CGO_ENABLED=1) $(if $(filter kafka,$(BROKER)),TOKENWATCH_REAL_KAFKA=1) go test $(if $(RACE),-race) -count=1 -timeout 0 -v -run '^TestTorture$$' ./cmd/tokenwatch \
		-torture-rounds=$(or $(ROUNDS),100) -torture-seed=$(if $(filter command% environment%,$(origin SEED)),$(SEED),0) -torture-broker=$(or $(BROKER),kfake) -torture-only='$(ONLY)'

fuzz: ## Fuzz every decoder for FUZZTIME (default 20s) each
	@deploy/fuzz.sh $(or $(FUZZTIME),20s)

clean: ## Remove what was built; `tokenwatch-data` stays
	rm -rf bin $(LOCAL)/data

.PHONY: storm
storm: setup ## Tell of INCIDENTS (default 10000) over two instances, one of which is killed KILLS (default 12) times, and a channel that fails in every way; SEED repeats a run
	@go test -count=1 -timeout 0 -v -run '^TestStormOfIncidents$$' ./cmd/tokenwatch -storm-incidents=$(or $(INCIDENTS),10000) -storm-kills=$(or $(KILLS),12) \
		-storm-seed=$(if $(filter command% environment%,$(origin SEED)),$(SEED),0)
