# Targets: `agent` (the house runtime), `tools` (installs what skills require) and `rookery` (API, worker and edge: one image, three commands).
# Without a registry, scripts/local-images.mjs makes the same images from local files; it takes every instruction
# below but FROM, COPY and RUN from here.
FROM node:24-bookworm-slim AS build
WORKDIR /src
ENV NODE_ENV=development
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY scripts/build-agent.mjs scripts/
COPY apps apps
COPY libs libs
RUN npx nest build && node scripts/build-agent.mjs
RUN npm prune --omit=dev --omit=optional --ignore-scripts

# what scripts of skills count on beside Node and a shell
FROM node:24-bookworm-slim AS scripts
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*

FROM scripts AS tools
RUN install -d /usr/share/rookery && cp /var/lib/dpkg/status /usr/share/rookery/dpkg-status \
  && apt-get update && apt-get install -y --no-install-recommends ca-certificates golang-go python3-pip \
  && rm -rf /var/lib/apt/lists/*
COPY docker/tools/build-tools.mjs /opt/build-tools.mjs
USER 1000:1000
ENTRYPOINT ["node", "/opt/build-tools.mjs"]
CMD []

FROM scripts AS agent
COPY --from=build /src/dist/agent /app
RUN install -d -m 700 -o node -g node /workspace
ENV NODE_ENV=production MALLOC_ARENA_MAX=1 HOME=/workspace
WORKDIR /workspace
USER 1000:1000
CMD ["node", "--max-semi-space-size=2", "--max-old-space-size=128", "--v8-pool-size=1", "--no-maglev", "/app/main.js"]

FROM node:24-bookworm-slim AS rookery
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist dist
COPY docker/*.mjs docker/
COPY skills skills
RUN install -d -m 700 -o node -g node /var/lib/rookery /run/rookery
ENV NODE_ENV=production HOST=0.0.0.0 RUNTIME=docker DATA_DIR=/var/lib/rookery NODE_OPTIONS=--max-semi-space-size=8
WORKDIR /app
USER 1000:1000
EXPOSE 3000 4100 4101
CMD ["node", "dist/apps/api/src/main.js"]
