# The image of `beckon`: Node 24, its production dependencies and the sources, which Node runs as they are.
# linux/amd64 alone: RocksDB's binding brings no binary for linux/arm64 (`docker build --platform linux/amd64 .`).

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Not `npm ci`: it refuses a lock file that lacks other platforms' optional packages. Versions are those of the lock file all
# the same. Optional packages stay out: the only one of ours is the embedded ClickHouse, half a gigabyte that CLICKHOUSE_URL replaces.
# Install scripts stay out: RocksDB's binding comes prebuilt.
RUN npm install --no-save --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/@nxtedition/rocksdb/deps node_modules/@nxtedition/rocksdb/prebuilds.zip \
           node_modules/@nxtedition/rocksdb/prebuilds/darwin-arm64
COPY api ./api
COPY cli ./cli
COPY examples ./examples
COPY processors ./processors
COPY runtime ./runtime
COPY schemas ./schemas
COPY sinks ./sinks
COPY state ./state
COPY topologies ./topologies
# Fails here, and not on the first start, where a binary or a source file is missing.
RUN node -e "require('@nxtedition/rocksdb')" && node cli/main.ts start --help > /dev/null && mkdir /empty

FROM gcr.io/distroless/nodejs24-debian12:nonroot
ENV NODE_ENV=production
COPY --from=build /app /app
# The instance's folder, owned by the user it runs as: mount a volume there. Everything else may be read-only.
COPY --from=build --chown=65532:65532 /empty /var/lib/beckon
WORKDIR /var/lib/beckon
USER 65532:65532
EXPOSE 7077
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:7077/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=64", "--no-allocation-site-pretenuring", "/app/cli/main.ts"]
CMD ["start", "--host", "0.0.0.0"]
