# docker build -t ferry .
# docker run -d --name ferry -p 127.0.0.1:8900:8900 -e FERRY_INSECURE_HTTP=true -v ferry-data:/data ferry
# docs/deploy.md goes on: first key, upgrade, both processors in one image, several processes.

# On the builder's own processor, for the image's: what is built for another one is not emulated.
FROM --platform=$BUILDPLATFORM node:22-bookworm-slim AS build
ARG TARGETARCH
WORKDIR /ferry
# Dependencies first: they change less often than the source, and this layer is then kept.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY . .
# amd64 is x64 to Bun; arm64 has the same name. Not by npm run build, which brings the development tools.
RUN [ "$TARGETARCH" = amd64 ] && arch=x64 || arch=$TARGETARCH; \
  node_modules/.bin/bun scripts/build.ts "--target=bun-linux-$arch" --outfile=/out/ferry && mkdir /out/data

# The C library, libgcc and nothing else: no shell, no package manager, nothing to keep patched but that.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/ferry /usr/local/bin/ferry
# A new named volume takes owner and mode from here. A folder of the host that is mounted instead must belong to 65532.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data

# Bun unpacks SQLite's native module at start and maps it as code, so the folder must be writable and allow executing.
# /tmp is not that in a hardened container: read-only, or a tmpfs, which Docker mounts noexec. The volume is, and it is
# the volume itself and not a folder in it, because Bun creates none and a mounted folder starts out empty.
ENV BUN_TMPDIR=/data

# Variables and not flags, so that the command line in the container finds the service and its first key too.
ENV FERRY_LISTEN=0.0.0.0:8900 FERRY_DATA=/data

EXPOSE 8900
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["ferry", "api", "GET", "/healthz"]
ENTRYPOINT ["ferry"]
CMD ["serve"]
