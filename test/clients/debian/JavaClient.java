import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.BuiltinExchangeType;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.PossibleAuthenticationFailureException;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.ShutdownSignalException;
import com.rabbitmq.client.impl.AMQConnection;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Every part of the contract (contract.ts) with the Java client: java JavaClient URL PREFIX MODE */
public class JavaClient {
    static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    static String url;
    static String prefix;

    interface Part {
        Object run(Connection connection) throws Exception;
    }

    interface Attempt {
        void on(Channel channel) throws Exception;
    }

    record Delivery(Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }

        long tag() {
            return envelope.getDeliveryTag();
        }
    }

    public static void main(String[] args) throws Exception {
        url = args[0];
        prefix = args[1];
        if (args[2].equals("heartbeat")) answer("heartbeat", heartbeat());
        else if (args[2].equals("tls")) answer("tls", tls());
        else parts();
        // Threads of connections that are still recovering would keep the program alive.
        System.exit(0);
    }

    static void parts() throws Exception {
        Map<String, Part> parts = new LinkedHashMap<>();
        parts.put("server", JavaClient::server);
        parts.put("declare", JavaClient::declare);
        parts.put("routing", JavaClient::routing);
        parts.put("confirms", JavaClient::confirms);
        parts.put("mandatory", JavaClient::mandatory);
        parts.put("settle", JavaClient::settle);
        parts.put("prefetch", JavaClient::prefetch);
        parts.put("dead letter", JavaClient::deadLetter);
        parts.put("rpc", JavaClient::rpc);
        parts.put("cancelled", JavaClient::cancelled);
        parts.put("priorities", JavaClient::priorities);
        parts.put("transaction", JavaClient::transaction);
        parts.put("large", JavaClient::large);
        parts.put("properties", JavaClient::properties);
        parts.put("headers", JavaClient::headers);
        parts.put("errors", JavaClient::errors);
        parts.put("fatal errors", JavaClient::fatalErrors);
        parts.put("closed by server", JavaClient::closedByServer);
        Connection connection = factory().newConnection();
        for (Map.Entry<String, Part> part : parts.entrySet()) answer(part.getKey(), part.getValue().run(connection));
        connection.close();
    }

    static ConnectionFactory factory() throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(url);
        factory.setAutomaticRecoveryEnabled(false);
        return factory;
    }

    static String name(String suffix) {
        return prefix + suffix;
    }

    static void answer(String part, Object value) {
        OUT.println(json(map("part", part, "value", value)));
    }

    static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
        return map;
    }

    static String json(Object value) {
        List<String> parts = new ArrayList<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, item) -> parts.add(json(key) + ":" + json(item)));
            return "{" + String.join(",", parts) + "}";
        }
        if (value instanceof Iterable<?> list) {
            list.forEach(item -> parts.add(json(item)));
            return "[" + String.join(",", parts) + "]";
        }
        if (value instanceof Date date) return String.valueOf(date.getTime() / 1000);
        if (value instanceof byte[] bytes) {
            for (byte item : bytes) parts.add(String.valueOf(item & 255));
            return "[" + String.join(",", parts) + "]";
        }
        if (value == null || value instanceof Boolean) return String.valueOf(value);
        if (value instanceof Number && !(value instanceof BigDecimal)) return String.valueOf(value);
        return '"' + value.toString().replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    static Channel confirming(Connection connection) throws IOException {
        Channel channel = connection.createChannel();
        channel.confirmSelect();
        return channel;
    }

    /** Exclusive, so that nothing of it outlives the connection. */
    static String queue(Channel channel, String suffix, Map<String, Object> arguments) throws IOException {
        return channel.queueDeclare(name(suffix), false, true, false, arguments).getQueue();
    }

    /** False: the broker refused it. */
    static boolean publish(Channel channel, String queue, String body, AMQP.BasicProperties properties) throws Exception {
        channel.basicPublish("", queue, properties, body.getBytes(StandardCharsets.UTF_8));
        return channel.waitForConfirms();
    }

    static boolean publish(Channel channel, String queue, String body) throws Exception {
        return publish(channel, queue, body, MessageProperties.BASIC);
    }

    static List<String> drain(Channel channel, String queue) throws IOException {
        List<String> bodies = new ArrayList<>();
        for (;;) {
            GetResponse response = channel.basicGet(queue, true);
            if (response == null) return bodies;
            bodies.add(new String(response.getBody(), StandardCharsets.UTF_8));
        }
    }

    static BlockingQueue<Delivery> consume(Channel channel, String queue, String tag, boolean autoAck) throws IOException {
        BlockingQueue<Delivery> deliveries = new LinkedBlockingQueue<>();
        channel.basicConsume(queue, autoAck, tag, new DefaultConsumer(channel) {
            @Override
            public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
                deliveries.add(new Delivery(envelope, properties, body));
            }
        });
        return deliveries;
    }

    static Object server(Connection connection) {
        Map<String, Object> properties = connection.getServerProperties();
        TreeSet<String> capabilities = new TreeSet<>();
        ((Map<?, ?>) properties.get("capabilities")).forEach((key, value) -> {
            if (Boolean.TRUE.equals(value)) capabilities.add(key.toString());
        });
        return map("product", properties.get("product"), "capabilities", capabilities);
    }

    static List<Object> counts(AMQP.Queue.DeclareOk declared) {
        return List.of(declared.getMessageCount(), declared.getConsumerCount());
    }

    static Object declare(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        AMQP.Queue.DeclareOk classic = channel.queueDeclare(name("classic"), true, false, false, null);
        String named = channel.queueDeclare("", false, true, false, null).getQueue();
        AMQP.Queue.DeclareOk quorum = channel.queueDeclare(name("quorum"), true, false, false, map("x-queue-type", "quorum"));
        publish(channel, classic.getQueue(), "1");
        publish(channel, classic.getQueue(), "2");
        AMQP.Queue.DeclareOk again = channel.queueDeclare(name("classic"), true, false, false, null);
        int purged = channel.queuePurge(classic.getQueue()).getMessageCount();
        publish(channel, classic.getQueue(), "3");
        int deleted = channel.queueDelete(classic.getQueue()).getMessageCount();
        channel.queueDelete(quorum.getQueue());
        return map("classic", counts(classic), "quorum", counts(quorum), "again", counts(again), "purged", purged,
                "deleted", deleted, "serverNamed", List.of(named.substring(0, 8), named.length()));
    }

    static Object routing(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        List<String> kinds = List.of("direct", "fanout", "topic", "headers");
        for (String kind : kinds) {
            channel.exchangeDeclare(name(kind), kind);
            queue(channel, "of-" + kind, null);
        }
        channel.queueBind(name("of-direct"), name("direct"), "red");
        channel.queueBind(name("of-fanout"), name("fanout"), "");
        channel.queueBind(name("of-topic"), name("topic"), "a.*.c");
        channel.queueBind(name("of-topic"), name("topic"), "#.z");
        channel.queueBind(name("of-headers"), name("headers"), "", map("x-match", "any", "color", "red", "size", 1));
        channel.exchangeDeclare(name("alternate"), BuiltinExchangeType.FANOUT);
        queue(channel, "of-alternate", null);
        channel.queueBind(name("of-alternate"), name("alternate"), "");
        channel.exchangeDeclare(name("first"), BuiltinExchangeType.DIRECT, false, false,
                map("alternate-exchange", name("alternate")));
        channel.exchangeBind(name("fanout"), name("first"), "onwards");
        for (String key : List.of("red", "blue")) channel.basicPublish(name("direct"), key, null, key.getBytes());
        for (String key : List.of("a.b.c", "a.c", "x.y.z", "z", "a.b.b.c")) {
            channel.basicPublish(name("topic"), key, null, key.getBytes());
        }
        Map<String, Map<String, Object>> marked = new LinkedHashMap<>();
        marked.put("color", map("color", "red"));
        marked.put("size", map("size", 1L));
        marked.put("none", map("color", "blue"));
        for (Map.Entry<String, Map<String, Object>> mark : marked.entrySet()) {
            AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().headers(mark.getValue()).build();
            channel.basicPublish(name("headers"), "", properties, mark.getKey().getBytes());
        }
        channel.basicPublish(name("first"), "onwards", null, "bound".getBytes());
        channel.basicPublish(name("first"), "elsewhere", null, "unbound".getBytes());
        channel.waitForConfirmsOrDie();
        Map<String, Object> found = new LinkedHashMap<>();
        for (String kind : List.of("direct", "fanout", "topic", "headers", "alternate")) {
            found.put(kind, drain(channel, name("of-" + kind)));
            channel.exchangeDelete(name(kind));
        }
        channel.exchangeDelete(name("first"));
        return found;
    }

    static Object confirms(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String plain = queue(channel, "confirmed", null);
        for (int i = 0; i < 10; i++) channel.basicPublish("", plain, null, "x".getBytes());
        channel.waitForConfirmsOrDie();
        String limited = queue(channel, "limited", map("x-max-length", 1, "x-overflow", "reject-publish"));
        List<String> outcomes = new ArrayList<>();
        for (int i = 0; i < 3; i++) outcomes.add(publish(channel, limited, "x") ? "ack" : "nack");
        return map("acked", drain(channel, plain).size(), "limited", outcomes);
    }

    static Object mandatory(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        BlockingQueue<Object> returned = new LinkedBlockingQueue<>();
        channel.addReturnListener((code, text, exchange, key, properties, body) ->
                returned.add(map("code", code, "text", text, "key", key, "body", new String(body))));
        channel.basicPublish("", name("nowhere"), true, null, "lost".getBytes());
        return returned.take();
    }

    static Object settle(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String target = queue(channel, "settled", null);
        for (String body : List.of("a", "b", "c")) publish(channel, target, body);
        channel.basicQos(1);
        List<Object> seen = new ArrayList<>();
        BlockingQueue<Delivery> deliveries = consume(channel, target, "settler", false);
        for (String body = ""; !body.equals("c");) {
            Delivery delivery = deliveries.take();
            body = delivery.text();
            seen.add(List.of(body, delivery.envelope().isRedeliver()));
            if (!body.equals("b")) channel.basicAck(delivery.tag(), false);
            else if (delivery.envelope().isRedeliver()) channel.basicReject(delivery.tag(), false);
            else channel.basicNack(delivery.tag(), false, true);
        }
        channel.basicCancel("settler");
        for (String body : List.of("d", "e", "f")) publish(channel, target, body);
        channel.basicGet(target, false);
        long second = channel.basicGet(target, false).getEnvelope().getDeliveryTag();
        channel.basicGet(target, false);
        channel.basicAck(second, true);
        channel.close();
        return map("seen", seen, "left", drain(connection.createChannel(), target));
    }

    static Object prefetch(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String target = queue(channel, "prefetched", null);
        for (int i = 0; i < 5; i++) publish(channel, target, String.valueOf(i));
        channel.basicQos(2);
        BlockingQueue<Delivery> deliveries = consume(channel, target, "", false);
        Delivery first = deliveries.take();
        Delivery second = deliveries.take();
        long before = channel.messageCount(target);
        channel.basicAck(first.tag(), false);
        Delivery third = deliveries.take();
        return map("seen", List.of(first.text(), second.text(), third.text()),
                "ready", List.of(before, channel.messageCount(target)));
    }

    static void bury(List<Object> found, BlockingQueue<Delivery> burials) throws InterruptedException {
        Delivery delivery = burials.take();
        Map<String, Object> headers = delivery.properties().getHeaders();
        Map<?, ?> death = (Map<?, ?>) ((List<?>) headers.get("x-death")).get(0);
        found.add(map("body", delivery.text(), "reason", death.get("reason"), "first", headers.get("x-first-death-reason"),
                "queue", death.get("queue"), "exchange", death.get("exchange"), "keys", death.get("routing-keys"),
                "count", death.get("count"), "ttl", death.get("original-expiration")));
    }

    static Object deadLetter(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String graves = name("graves");
        channel.exchangeDeclare(graves, BuiltinExchangeType.FANOUT);
        channel.queueBind(queue(channel, "dead", null), graves, "");
        BlockingQueue<Delivery> burials = consume(connection.createChannel(), name("dead"), "", true);
        List<Object> found = new ArrayList<>();
        String expiring = queue(channel, "expiring", map("x-dead-letter-exchange", graves, "x-message-ttl", 1));
        String rejecting = queue(channel, "rejecting",
                map("x-dead-letter-exchange", graves, "x-dead-letter-routing-key", "other"));
        String full = queue(channel, "full", map("x-dead-letter-exchange", graves, "x-max-length", 1));
        String tried = channel.queueDeclare(name("tried"), true, false, false,
                map("x-dead-letter-exchange", graves, "x-queue-type", "quorum", "x-delivery-limit", 1)).getQueue();
        publish(channel, expiring, "by queue");
        bury(found, burials);
        publish(channel, rejecting, "by itself", new AMQP.BasicProperties.Builder().expiration("1").build());
        bury(found, burials);
        publish(channel, rejecting, "by hand");
        channel.basicReject(channel.basicGet(rejecting, false).getEnvelope().getDeliveryTag(), false);
        bury(found, burials);
        publish(channel, full, "pushed out");
        publish(channel, full, "kept");
        bury(found, burials);
        publish(channel, tried, "too often");
        List<Object> attempts = new ArrayList<>();
        BlockingQueue<Delivery> trials = consume(channel, tried, "", false);
        while (attempts.size() < 2) {
            Delivery delivery = trials.take();
            Map<String, Object> headers = delivery.properties().getHeaders();
            attempts.add(headers == null ? null : headers.get("x-delivery-count"));
            channel.basicReject(delivery.tag(), true);
        }
        bury(found, burials);
        channel.queueDelete(tried);
        channel.exchangeDelete(graves);
        return map("found", found, "attempts", attempts);
    }

    static Object rpc(Connection connection) throws Exception {
        Channel client = connection.createChannel();
        Channel worker = connection.createChannel();
        BlockingQueue<Delivery> requests = consume(worker, queue(worker, "requests", null), "", true);
        BlockingQueue<Delivery> replies = consume(client, "amq.rabbitmq.reply-to", "", true);
        client.basicPublish("", name("requests"),
                new AMQP.BasicProperties.Builder().replyTo("amq.rabbitmq.reply-to").correlationId("42").build(),
                "ping".getBytes());
        Delivery request = requests.take();
        String address = request.properties().getReplyTo();
        worker.basicPublish("", address,
                new AMQP.BasicProperties.Builder().correlationId(request.properties().getCorrelationId()).build(),
                ("re: " + request.text()).getBytes());
        Delivery reply = replies.take();
        return map("address", address.substring(0, "amq.rabbitmq.reply-to.".length()),
                "reply", List.of(reply.text(), reply.properties().getCorrelationId()));
    }

    static Object cancelled(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        BlockingQueue<String> notices = new LinkedBlockingQueue<>();
        channel.basicConsume(queue(channel, "vanishing", null), false, "watcher", new DefaultConsumer(channel) {
            @Override
            public void handleCancel(String tag) {
                notices.add(tag);
            }
        });
        connection.createChannel().queueDelete(name("vanishing"));
        return notices.take();
    }

    static Object priorities(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String target = queue(channel, "ranked", map("x-max-priority", 5));
        for (Integer priority : Arrays.asList(null, 1, 9, 3, 5)) {
            AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().priority(priority).build();
            publish(channel, target, String.valueOf(priority == null ? 0 : priority), properties);
        }
        return drain(channel, target);
    }

    static Object transaction(Connection connection) throws Exception {
        Channel channel = connection.createChannel();
        Channel watching = connection.createChannel();
        String target = queue(channel, "transacted", null);
        channel.txSelect();
        channel.basicPublish("", target, null, "1".getBytes());
        channel.basicPublish("", target, null, "2".getBytes());
        long before = watching.messageCount(target);
        channel.txCommit();
        long committed = watching.messageCount(target);
        channel.basicPublish("", target, null, "3".getBytes());
        channel.txRollback();
        return map("before", before, "committed", committed, "rolledBack", watching.messageCount(target));
    }

    static Object large(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String target = queue(channel, "large", null);
        byte[] body = new byte[1 << 20];
        for (int i = 0; i < body.length; i++) body[i] = (byte) (i % 1024 * 7);
        channel.basicPublish("", target, null, body);
        channel.waitForConfirmsOrDie();
        byte[] received = channel.basicGet(target, true).getBody();
        return map("length", received.length, "same", Arrays.equals(received, body));
    }

    static Object properties(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String target = queue(channel, "properties", null);
        publish(channel, target, "x", new AMQP.BasicProperties.Builder().contentType("text/plain").contentEncoding("utf-8")
                .deliveryMode(2).priority(7).correlationId("c-1").replyTo("somewhere").expiration("60000").messageId("m-1")
                .timestamp(new Date(1700000000000L)).type("greeting").userId("guest").appId("contract").build());
        AMQP.BasicProperties got = channel.basicGet(target, true).getProps();
        return map("content_type", got.getContentType(), "content_encoding", got.getContentEncoding(),
                "delivery_mode", got.getDeliveryMode(), "priority", got.getPriority(),
                "correlation_id", got.getCorrelationId(), "reply_to", got.getReplyTo(), "expiration", got.getExpiration(),
                "message_id", got.getMessageId(), "timestamp", got.getTimestamp(), "type", got.getType(),
                "user_id", got.getUserId(), "app_id", got.getAppId());
    }

    static Object headers(Connection connection) throws Exception {
        Channel channel = confirming(connection);
        String target = queue(channel, "headers", null);
        Map<String, Object> sent = map("string", "grüße", "int", 42, "negative", -7, "long", 1L << 40, "bool", true,
                "double", 2.5, "table", map("inner", "x", "deeper", map("n", 1)), "array", List.of(1, "two", false),
                "time", new Date(1700000000000L), "void", null, "bytes", new byte[] {0, (byte) 255},
                "decimal", new BigDecimal("3.14"), "float", 0.5f, "byte", (byte) -100, "short", (short) -30000);
        publish(channel, target, "x", new AMQP.BasicProperties.Builder().headers(sent).build());
        Map<String, Object> received = new HashMap<>(channel.basicGet(target, true).getProps().getHeaders());
        Map<String, Object> types = new HashMap<>();
        received.forEach((key, value) -> types.put(key, kind(value)));
        received.put("types", types);
        return received;
    }

    static String kind(Object value) {
        if (value == null) return "null";
        if (value instanceof LongString) return "LongString";
        return value instanceof Map ? "Map" : value instanceof List ? "List" : value.getClass().getSimpleName();
    }

    static List<Object> reason(ShutdownSignalException signal) {
        Method method = signal.getReason();
        if (method instanceof AMQP.Channel.Close close) return List.of(close.getReplyCode(), close.getReplyText());
        AMQP.Connection.Close close = (AMQP.Connection.Close) method;
        return List.of(close.getReplyCode(), close.getReplyText());
    }

    /** What makes the broker close the channel, and with it maybe the connection: the reason that it gives. */
    static List<Object> attempt(Connection connection, Attempt attempt) throws Exception {
        BlockingQueue<ShutdownSignalException> signals = new LinkedBlockingQueue<>();
        Channel channel = connection.createChannel();
        channel.addShutdownListener(signals::add);
        try {
            attempt.on(channel);
        } catch (IOException | AlreadyClosedException error) {
            // The listener hears of it, too.
        }
        return reason(signals.take());
    }

    /** What the broker answers to mistakes that cost the channel. */
    static Object errors(Connection connection) throws Exception {
        Connection other = factory().newConnection();
        String shared = name("shared");
        String missing = name("missing");
        connection.createChannel().queueDeclare(shared, true, false, false, null);
        String locked = queue(connection.createChannel(), "locked", null);
        Map<String, Attempt> attempts = new LinkedHashMap<>();
        attempts.put("queue missing", channel -> channel.queueDeclarePassive(missing));
        attempts.put("exchange missing", channel -> channel.exchangeDeclarePassive(missing));
        attempts.put("other durability", channel -> channel.queueDeclare(shared, false, false, false, null));
        attempts.put("other argument", channel -> channel.queueDeclare(shared, true, false, false, map("x-max-length", 5)));
        attempts.put("other exchange type", channel -> channel.exchangeDeclare("amq.direct", "fanout", true));
        attempts.put("reserved name", channel -> channel.queueDeclare("amq.mine", false, false, false, null));
        attempts.put("bad argument", channel ->
                channel.queueDeclare(name("bad"), false, false, false, map("x-message-ttl", -1)));
        attempts.put("transient quorum", channel ->
                channel.queueDeclare(name("bad"), false, false, false, map("x-queue-type", "quorum")));
        attempts.put("bind to nothing", channel -> channel.queueBind(shared, missing, "k"));
        attempts.put("consume from nothing", channel -> consume(channel, missing, "", false));
        attempts.put("default exchange", channel -> channel.exchangeDelete(""));
        attempts.put("unknown tag", channel -> channel.basicAck(99, false));
        attempts.put("publish to nothing", channel -> channel.basicPublish(missing, "k", null, "x".getBytes()));
        attempts.put("bad expiration", channel -> channel.basicPublish("", shared,
                new AMQP.BasicProperties.Builder().expiration("soon").build(), "x".getBytes()));
        Map<String, Object> found = new LinkedHashMap<>();
        for (Map.Entry<String, Attempt> entry : attempts.entrySet()) {
            found.put(entry.getKey(), attempt(connection, entry.getValue()));
        }
        found.put("locked", attempt(other, channel -> channel.queueDeclarePassive(locked)));
        connection.createChannel().queueDelete(shared);
        other.close();
        return found;
    }

    /** What the broker answers to mistakes that cost the connection. */
    static Object fatalErrors(Connection connection) throws Exception {
        Map<String, Object> found = new LinkedHashMap<>();
        ConnectionFactory impostor = factory();
        impostor.setPassword("wrong");
        try {
            impostor.newConnection();
        } catch (PossibleAuthenticationFailureException error) {
            found.put("wrong password", error.getMessage());
        }
        ConnectionFactory lost = factory();
        lost.setVirtualHost("nowhere");
        try {
            lost.newConnection();
        } catch (IOException error) {
            found.put("no such vhost", reason((ShutdownSignalException) error.getCause()));
        }
        found.put("tag used twice", attempt(factory().newConnection(), channel -> {
            String target = queue(channel, "twice", null);
            consume(channel, target, "twice", false);
            consume(channel, target, "twice", false);
        }));
        found.put("prefetch size", attempt(factory().newConnection(), channel -> channel.basicQos(10, 0, false)));
        return found;
    }

    /** The library connects again by itself, and restores its queue and consumer. */
    static Object closedByServer(Connection unused) throws Exception {
        ConnectionFactory recovering = factory();
        recovering.setAutomaticRecoveryEnabled(true);
        recovering.setNetworkRecoveryInterval(100);
        Connection connection = recovering.newConnection(name("connection-to-close"));
        BlockingQueue<ShutdownSignalException> signals = new LinkedBlockingQueue<>();
        CountDownLatch recovered = new CountDownLatch(1);
        connection.addShutdownListener(signals::add);
        ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
            @Override
            public void handleRecovery(Recoverable recoverable) {
                recovered.countDown();
            }

            @Override
            public void handleRecoveryStarted(Recoverable recoverable) {}
        });
        Channel channel = connection.createChannel();
        BlockingQueue<Delivery> deliveries = consume(channel, queue(channel, "survivor", null), "", true);
        answer("please close", name("connection-to-close"));
        List<Object> closed = reason(signals.take());
        recovered.await();
        channel.basicPublish("", name("survivor"), null, "after".getBytes());
        return map("closed", closed, "bodies", Collections.singletonList(deliveries.take().text()));
    }

    static Object heartbeat() throws Exception {
        ConnectionFactory factory = factory();
        factory.setRequestedHeartbeat(2);
        AMQConnection connection = (AMQConnection) factory.newConnection();
        Thread.sleep(6500);
        connection.createChannel();
        return map("heartbeat", connection.getHeartbeat(), "open", connection.isOpen());
    }

    static Object tls() throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (FileInputStream file = new FileInputStream(System.getenv("CA_FILE"))) {
            trusted.setCertificateEntry("broker", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        ConnectionFactory factory = factory();
        factory.useSslProtocol(context);
        Channel channel = confirming(factory.newConnection());
        String target = queue(channel, "secret", null);
        publish(channel, target, "sealed");
        return drain(channel, target);
    }
}
