# docker build -f deploy/docker/participant.Dockerfile --build-arg APP=accounts -t concordat/accounts:0.1.0 .
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
ARG APP=accounts
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY libs libs
COPY apps apps
RUN npm ci --omit=dev --ignore-scripts --workspace apps/${APP} && npm cache clean --force

FROM node:24-slim
ARG APP=accounts
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=packages /app/package.json ./
COPY --from=build /app/libs libs
COPY --from=build /app/apps/${APP} apps/${APP}
WORKDIR /app/apps/${APP}
USER 10001:10001
EXPOSE 8080
CMD ["node", "--enable-source-maps", "dist/main.js"]
