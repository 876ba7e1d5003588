# docker build -f deploy/docker/coordinator.Dockerfile -t concordat/coordinator:0.1.0 .
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY libs libs
COPY apps apps
RUN npm ci --ignore-scripts
COPY .swcrc ./
COPY scripts scripts
RUN node scripts/build.mjs

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY libs libs
COPY apps apps
RUN npm ci --omit=dev --ignore-scripts --workspace apps/coordinator && npm cache clean --force

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=packages /app/package.json ./
COPY --from=build /app/libs libs
COPY --from=build /app/apps/coordinator apps/coordinator
COPY --from=build /app/apps/cli apps/cli
COPY --from=build /app/apps/console/dist apps/console/dist
# A named volume takes its owner from here.
RUN install -d -o 10001 -g 10001 /var/lib/concordat /etc/concordat/keys /etc/concordat/participant-key
USER 10001:10001
EXPOSE 8080 7070
CMD ["node", "--enable-source-maps", "apps/coordinator/dist/main.js"]
