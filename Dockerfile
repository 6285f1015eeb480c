FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The only script to run would fetch another Node.js.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
LABEL org.opencontainers.image.title="WarrenMQ" \
      org.opencontainers.image.description="A message broker that any RabbitMQ client can use unchanged" \
      org.opencontainers.image.licenses="Apache-2.0"

# As in RabbitMQ's image: a configuration goes to /etc/rabbitmq/rabbitmq.conf or conf.d, and guest may come from anywhere,
# since every client of a container comes from outside.
RUN mkdir -p /etc/rabbitmq/conf.d /var/lib/warrenmq \
 && printf 'loopback_users.guest = false\n' > /etc/rabbitmq/conf.d/10-defaults.conf \
 && chown node:node /var/lib/warrenmq

WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The tools of RabbitMQ's image, for scripts and health checks, are the same program under other names.
RUN chmod +x dist/main.js \
 && for name in warren rabbitmqctl rabbitmq-diagnostics rabbitmq-queues rabbitmq-plugins rabbitmq-upgrade rabbitmq-streams; \
    do ln -s /app/dist/main.js "/usr/local/bin/$name"; done

# RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS, RABBITMQ_DEFAULT_VHOST and RABBITMQ_NODENAME work as in RabbitMQ's image.
ENV NODE_ENV=production \
    WARREN_DATA_DIR=/var/lib/warrenmq \
    RABBITMQ_CONFIG_FILE=/etc/rabbitmq/rabbitmq.conf

USER node

# What Node.js compiles is kept in the user's cache: here already, or every new container would compile it again.
RUN warren start --data-dir /tmp/first-start > /dev/null & \
    timeout 60 sh -c 'until warren ping > /dev/null 2>&1; do sleep 0.1; done' \
 && kill $! && wait $! && rm -r /tmp/first-start

VOLUME /var/lib/warrenmq
# AMQP, the same with TLS, MQTT, STOMP, HTTP API and console, STOMP and MQTT over WebSocket, metrics
EXPOSE 5672 5671 1883 61613 15672 15674 15675 15692
STOPSIGNAL SIGTERM

# Finds the broker by the same environment and configuration files, and asks on its AMQP port: the HTTP port may be off.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["warren", "ping"]

ENTRYPOINT ["warren"]
CMD ["start"]
