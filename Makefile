# What a person does with weir; `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BINARY := .build/release/weir
IMAGE ?= weir:latest
PROGRAM ?= $(BINARY)
SECONDS_EACH ?= 60
SOAK_MINUTES ?= 10

# One file that needs nothing of the machine it runs on: Swift's libraries, c-ares, libyaml and the
# C library are all inside.
STATIC := --static-swift-stdlib -Xswiftc -static-executable -Xswiftc -use-ld=lld
CHECKS := --explicit-target-dependency-import-check error

BUILD_PACKAGES := pkg-config ca-certificates libc-ares-dev libssl-dev libyaml-dev libnghttp2-dev
TEST_PACKAGES := python3 python3-venv curl openssl testssl=testssl.sh redis-server redis-tools postgresql nginx haproxy wrk \
    dockerd=docker.io docker-compose gcc=gcc libc6-dev nettle-dev iproute2 iptables \
    busybox-static libnginx-mod-stream \
    strace valgrind nghttp2-client debootstrap lintian mandoc systemd-container caddy \
    chromium chromium-driver fonts-dejavu-core prometheus
BENCH_PACKAGES := nginx haproxy wrk valgrind openssl nghttp2-client nghttp2-proxy h2o

# Where `make install` puts things. DESTDIR is put before all of it, for who makes packages.
PREFIX ?= /usr/local
UNITS ?= $(PREFIX)/lib/systemd/system
SHARE := $(DESTDIR)$(PREFIX)/share

# $(call install,PACKAGES): installs those that are missing, by name, and says so.
install = @Scripts/install $(1)

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Build, then show weir at work: replicas come, go and die, a split shifts
	$(BINARY) demo

.PHONY: build
build: ## The program, as one static file: .build/release/weir
	$(call install,$(BUILD_PACKAGES))
	swift build -c release --product weir $(CHECKS) $(STATIC)

.PHONY: test
test: ## Everything: units, simulation, end to end, sanitizers, real Docker, thresholds
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))
	Scripts/test

# What the tests need of the machine: for those who run sections of Scripts/test by name.
.PHONY: test-packages
test-packages:
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))

.PHONY: test-unit
test-unit: ## The tests that need no network and no program: seconds
	$(call install,$(BUILD_PACKAGES))
	Scripts/test units

.PHONY: test-sanitizers
test-sanitizers: ## The unit tests again under the address and the thread sanitizer
	$(call install,$(BUILD_PACKAGES))
	Scripts/test address thread

.PHONY: fuzz
fuzz: ## Fuzz all that reads bytes from outside, a minute each; SECONDS_EACH=3600 for longer
	$(call install,$(BUILD_PACKAGES))
	Tests/Fuzz/run --seconds $(SECONDS_EACH)

.PHONY: soak
soak: build ## Mixed traffic over replicas that come and go, 10 minutes; SOAK_MINUTES=60 for longer
	$(call install,$(TEST_PACKAGES))
	Tests/Faults/run --soak $(SOAK_MINUTES)

.PHONY: bench
bench: build ## weir beside nginx and haproxy, in one run, with ratios
	$(call install,$(BENCH_PACKAGES))
	Benchmarks/Macro/run

.PHONY: micro
micro: ## Instructions of single functions, against their thresholds
	$(call install,$(BUILD_PACKAGES) $(BENCH_PACKAGES))
	swift build -c release --product weir-micro $(CHECKS) $(STATIC)
	Benchmarks/Micro/run

.PHONY: image
image: build ## weir:latest, from the binary just made; needs Docker, but no network
	@$(MAKE) --no-print-directory image-of

# The same from another program, which may be one for another processor.
.PHONY: image-of
image-of:
	mkdir -p build/image/state/weir
	strip -o build/image/weir $(PROGRAM) 2>/dev/null || cp $(PROGRAM) build/image/weir
	cp /etc/ssl/certs/ca-certificates.crt build/image/
	sed -n '/^FROM scratch/,$$p' Dockerfile | sed 's/--from=build //' \
	  | docker build $(if $(ARCHITECTURE),--platform linux/$(ARCHITECTURE)) --tag $(IMAGE) --file - \
	    build/image

.PHONY: install
install: ## Install it, its unit, man page and completions; PREFIX=/usr/local, DESTDIR=
	@test -x $(BINARY) || { echo "$(BINARY) is missing: make build" >&2; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin
	strip --remove-section=.comment -o $(DESTDIR)$(PREFIX)/bin/weir $(BINARY)
	chmod 755 $(DESTDIR)$(PREFIX)/bin/weir
	install -d $(DESTDIR)$(UNITS)
	sed 's|/usr/bin/weir|$(PREFIX)/bin/weir|' conf/systemd/weir.service > $(DESTDIR)$(UNITS)/weir.service
	install -D -m 644 conf/systemd/weir.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/weir.conf
	install -d $(SHARE)/man/man1 $(SHARE)/bash-completion/completions \
	    $(SHARE)/zsh/vendor-completions $(SHARE)/fish/vendor_completions.d $(SHARE)/doc/weir
	gzip -9n < docs/man/weir.1 > $(SHARE)/man/man1/weir.1.gz
	$(BINARY) --generate-completion-script bash | sed 1d > $(SHARE)/bash-completion/completions/weir
	$(BINARY) --generate-completion-script zsh > $(SHARE)/zsh/vendor-completions/_weir
	$(BINARY) --generate-completion-script fish > $(SHARE)/fish/vendor_completions.d/weir.fish
	install -m 644 README.md compose.yaml $(SHARE)/doc/weir
	install -D -m 644 -t $(SHARE)/doc/weir/docs docs/*.md
	install -D -m 644 -t $(SHARE)/doc/weir/conf conf/*.yaml
	ln -sfn conf $(SHARE)/doc/weir/examples

.PHONY: deb
deb: build ## A Debian package in build/, with the service weir
	Scripts/deb

.PHONY: format
format: ## Lay the sources out
	swift format format --in-place --parallel --recursive Package.swift Sources Tests

.PHONY: lint
lint: ## Check the layout of the sources; changes nothing
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

.PHONY: clean
clean: ## Forget what was built
	rm -rf .build build
