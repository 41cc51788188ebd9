# syntax=docker/dockerfile:1
# Five images, a target each: gateway, contacts, invitations, notifications, migrate. docker-bake.hcl builds all of them.
#
# Each is a program and the few libraries it asks for on nothing else; that of the migrations has the operator's commands
# besides, as a second name of the same program: usher. scripts/rootfs lays them out, here as in the tests.

ARG RUST=1.95
ARG DEBIAN=bookworm
# A tag, so that a build takes the fixes of the day, and their libraries with them into the images. Who wants the same
# base again names its digest here: rust@sha256:…
ARG BASE=rust:${RUST}-slim-${DEBIAN}

FROM ${BASE} AS toolchain
WORKDIR /usher
RUN cargo install --quiet --locked --version 0.1.78 cargo-chef

# What the dependencies are, and nothing of our code: as long as it stays the same, so does the layer of their build.
FROM toolchain AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM toolchain AS build
COPY --from=plan /usher/recipe.json recipe.json
RUN cargo chef cook --release --locked --workspace --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --workspace --bin usher-gateway --bin usher-contacts --bin usher-invitations \
    --bin usher-notifications --bin usher-operator
# Times in the images are the commit's, so that the same commit makes the same layers.
ARG SOURCE_DATE_EPOCH=0
RUN for image in gateway contacts invitations notifications; do \
        scripts/rootfs "/roots/$image" "target/release/usher-$image" "usher-$image" || exit 1; \
    done && \
    scripts/rootfs /roots/migrate target/release/usher-operator usher usher-migrate

FROM scratch AS gateway
COPY --from=build /roots/gateway /
USER 65532:65532
EXPOSE 8080 9464
ENTRYPOINT ["/usr/local/bin/usher-gateway"]

FROM scratch AS contacts
COPY --from=build /roots/contacts /
USER 65532:65532
EXPOSE 8081 9464
ENTRYPOINT ["/usr/local/bin/usher-contacts"]

FROM scratch AS invitations
COPY --from=build /roots/invitations /
USER 65532:65532
EXPOSE 8082 9464
ENTRYPOINT ["/usr/local/bin/usher-invitations"]

FROM scratch AS notifications
COPY --from=build /roots/notifications /
USER 65532:65532
EXPOSE 8083 9464
ENTRYPOINT ["/usr/local/bin/usher-notifications"]

FROM scratch AS migrate
COPY --from=build /roots/migrate /
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/usher-migrate"]
CMD ["up"]
