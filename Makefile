# Every command a person needs. Each is a line here and, where it takes more, a script in scripts/.

.PHONY: help run run-distributed demo test chart images lint bench schema released graphiql events format

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## everything in one process: SQLite files, in-process broker, captured mail
	@cargo run --locked --package usher --bin usher -- $(ARGS)

run-distributed: ## five processes on PostgreSQL, RabbitMQ and SMTP (USHER_DATABASE_URL, USHER_AMQP_URL, USHER_SMTP_URL)
	@scripts/run-distributed

demo: ## loads the sample contacts (or FILE=export.csv) into a running Usher, invites all who can be, prints what became of them
	@cargo run --locked --package usher --example demo -- $(FILE)

test: ## all tests, on everything they need
	@scripts/test

chart: ## the Helm chart's tests; scripts/chart write after a change that was meant
	@scripts/chart

images: ## the five container images, with docker buildx or buildah
	@scripts/images

lint: ## format, clippy, import directions, the schema, licences, bans and advisories
	@scripts/lint

bench: ## the measured limits; LINES="list_page_c16 idle_memory" runs some
	@scripts/bench $(LINES)

schema: ## writes gateway/schema.graphql and docs/reference.md
	@cargo run --quiet --locked --package usher-gateway --bin usher-schema > gateway/schema.graphql.new
	@mv gateway/schema.graphql.new gateway/schema.graphql
	@cargo run --quiet --locked --package usher-gateway --bin usher-schema reference > docs/reference.md.new
	@mv docs/reference.md.new docs/reference.md

released: ## keeps the schema as that of the newest release in CHANGELOG.md: part of every release
	@version=$$(sed -n 's/^## \[\([0-9][^]]*\)\].*/\1/p' CHANGELOG.md | head -n 1); \
	{ echo "# $${version:-Unreleased}"; cat gateway/schema.graphql; } > gateway/released.graphql

graphiql: ## writes gateway/graphiql/dist, the page on which the API is tried out in development
	@scripts/graphiql

events: ## writes the contract of events, proto/usher/events/v1
	@cargo run --quiet --locked --package usher-events --bin usher-events

format: ## formats the code
	@cargo fmt --all
