# Builds weir from source. `make image` makes the same image from the binary of this machine: it
# uses the last stage alone.
FROM swift:6.3.1-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make pkg-config ca-certificates libc-ares-dev libssl-dev \
        libnghttp2-dev libyaml-dev
WORKDIR /source
COPY . .
RUN make build && strip -o /weir .build/release/weir && mkdir -p /state/weir \
    && cp /etc/ssl/certs/ca-certificates.crt /ca-certificates.crt

# One static file: no shell, no libraries, nothing to update but weir.
FROM scratch
COPY --from=build /weir /weir
# Whom replicas with public certificates are verified by.
COPY --from=build /ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# A volume mounted at /var/lib/weir belongs to weir then.
COPY --from=build --chown=65532:65532 /state /var/lib
USER 65532:65532
ENTRYPOINT ["/weir"]
CMD ["run"]
HEALTHCHECK --interval=5s --timeout=2s --start-period=2s CMD ["/weir", "status", "--admin", "http://127.0.0.1:9900"]
