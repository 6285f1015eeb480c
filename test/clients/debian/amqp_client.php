<?php

// The parts of the contract (contract.ts) that PHP's extension in C can express: php amqp_client.php URL PREFIX MODE

[, $url, $prefix, $mode] = $argv;

function name(string $suffix): string
{
    return $GLOBALS['prefix'] . $suffix;
}

function answer(string $part, $value): void
{
    echo json_encode(['part' => $part, 'value' => $value], JSON_THROW_ON_ERROR), "\n";
}

function connect(array $options = []): AMQPConnection
{
    $at = parse_url($GLOBALS['url']);
    $connection = new AMQPConnection($options + [
        'host' => $at['host'],
        'port' => $at['port'],
        'login' => $at['user'],
        'password' => $at['pass'],
        'vhost' => '/',
        'read_timeout' => 60,
    ]);
    $connection->connect();
    return $connection;
}

function confirming(AMQPConnection $connection): AMQPChannel
{
    $channel = new AMQPChannel($connection);
    $channel->confirmSelect();
    return $channel;
}

/** Exclusive unless told otherwise, so that nothing of it outlives the connection. */
function queue(AMQPChannel $channel, string $name, array $arguments = [], int $flags = AMQP_EXCLUSIVE): AMQPQueue
{
    $queue = new AMQPQueue($channel);
    if ($name !== '') {
        $queue->setName($name);
    }
    $queue->setFlags($flags);
    $queue->setArguments($arguments);
    return $queue;
}

function declared(AMQPChannel $channel, string $suffix, array $arguments = [], int $flags = AMQP_EXCLUSIVE): AMQPQueue
{
    $queue = queue($channel, name($suffix), $arguments, $flags);
    $queue->declareQueue();
    return $queue;
}

function exchange(AMQPChannel $channel, string $name, string $type, array $arguments = []): AMQPExchange
{
    $exchange = new AMQPExchange($channel);
    $exchange->setName($name);
    $exchange->setType($type);
    $exchange->setArguments($arguments);
    return $exchange;
}

/** To the default exchange; in confirm mode the answer of the broker. */
function publish(AMQPChannel $channel, string $queue, string $body, array $attributes = [], bool $confirmed = true): bool
{
    $acked = true;
    $channel->setConfirmCallback(
        fn () => false,
        function () use (&$acked) {
            $acked = false;
            return false;
        }
    );
    (new AMQPExchange($channel))->publish($body, $queue, AMQP_NOPARAM, $attributes);
    if ($confirmed) {
        $channel->waitForConfirm(30);
    }
    return $acked;
}

function drain(AMQPQueue $queue): array
{
    $bodies = [];
    while ($message = $queue->get(AMQP_AUTOACK)) {
        $bodies[] = $message->getBody();
    }
    return $bodies;
}

/** Consumes `count` messages, then stops; without a callback it settles nothing. */
function consume(AMQPQueue $queue, int $count, ?callable $onMessage = null, int $flags = AMQP_NOPARAM): array
{
    $messages = [];
    $queue->consume(function (AMQPEnvelope $message) use (&$messages, $count, $onMessage) {
        $messages[] = $message;
        if ($onMessage !== null) {
            $onMessage($message);
        }
        return count($messages) < $count;
    }, $flags);
    $queue->cancel();
    return $messages;
}

function ready(AMQPChannel $channel, string $name): int
{
    return queue($channel, $name, [], AMQP_PASSIVE)->declareQueue();
}

function routing(AMQPConnection $connection): array
{
    $channel = new AMQPChannel($connection);
    $exchanges = [];
    $queues = [];
    foreach (['direct', 'fanout', 'topic', 'headers'] as $kind) {
        $exchanges[$kind] = exchange($channel, name($kind), $kind);
        $exchanges[$kind]->declareExchange();
        $queues[$kind] = declared($channel, "of-$kind");
    }
    $queues['direct']->bind(name('direct'), 'red');
    $queues['fanout']->bind(name('fanout'));
    $queues['topic']->bind(name('topic'), 'a.*.c');
    $queues['topic']->bind(name('topic'), '#.z');
    $queues['headers']->bind(name('headers'), '', ['x-match' => 'any', 'color' => 'red', 'size' => 1]);
    $exchanges['alternate'] = exchange($channel, name('alternate'), 'fanout');
    $exchanges['alternate']->declareExchange();
    $queues['alternate'] = declared($channel, 'of-alternate');
    $queues['alternate']->bind(name('alternate'));
    $first = exchange($channel, name('first'), 'direct', ['alternate-exchange' => name('alternate')]);
    $first->declareExchange();
    $exchanges['fanout']->bind(name('first'), 'onwards');
    foreach (['red', 'blue'] as $key) {
        $exchanges['direct']->publish($key, $key);
    }
    foreach (['a.b.c', 'a.c', 'x.y.z', 'z', 'a.b.b.c'] as $key) {
        $exchanges['topic']->publish($key, $key);
    }
    foreach (['color' => ['color' => 'red'], 'size' => ['size' => 1], 'none' => ['color' => 'blue']] as $body => $table) {
        $exchanges['headers']->publish($body, '', AMQP_NOPARAM, ['headers' => $table]);
    }
    $first->publish('bound', 'onwards');
    $first->publish('unbound', 'elsewhere');
    $found = array_map('drain', $queues);
    foreach ([...array_values($exchanges), $first] as $exchange) {
        $exchange->delete();
    }
    return $found;
}

function confirms(AMQPConnection $connection): array
{
    $channel = confirming($connection);
    $plain = declared($channel, 'confirmed');
    $acked = 0;
    for ($i = 0; $i < 10; $i++) {
        $acked += publish($channel, name('confirmed'), 'x') ? 1 : 0;
    }
    declared($channel, 'limited', ['x-max-length' => 1, 'x-overflow' => 'reject-publish']);
    $outcomes = [];
    for ($i = 0; $i < 3; $i++) {
        $outcomes[] = publish($channel, name('limited'), 'x') ? 'ack' : 'nack';
    }
    return ['acked' => min($acked, count(drain($plain))), 'limited' => $outcomes];
}

function mandatory(AMQPConnection $connection): array
{
    $channel = new AMQPChannel($connection);
    $returned = null;
    $channel->setReturnCallback(function ($code, $text, $exchange, $key, $properties, $body) use (&$returned) {
        $returned = ['code' => $code, 'text' => $text, 'key' => $key, 'body' => $body];
        return false;
    });
    (new AMQPExchange($channel))->publish('lost', name('nowhere'), AMQP_MANDATORY);
    $channel->waitForBasicReturn(30);
    return $returned;
}

function settle(AMQPConnection $connection): array
{
    $channel = new AMQPChannel($connection);
    $channel->qos(0, 1);
    $target = declared($channel, 'settled');
    foreach (['a', 'b', 'c'] as $body) {
        publish($channel, name('settled'), $body, [], false);
    }
    $seen = [];
    consume($target, 4, function (AMQPEnvelope $message) use (&$seen, $target) {
        $seen[] = [$message->getBody(), $message->isRedelivery()];
        if ($message->getBody() !== 'b') {
            $target->ack($message->getDeliveryTag());
        } elseif ($message->isRedelivery()) {
            $target->reject($message->getDeliveryTag());
        } else {
            $target->nack($message->getDeliveryTag(), AMQP_REQUEUE);
        }
    });
    foreach (['d', 'e', 'f'] as $body) {
        publish($channel, name('settled'), $body, [], false);
    }
    $target->get();
    $second = $target->get();
    $target->get();
    $target->ack($second->getDeliveryTag(), AMQP_MULTIPLE);
    $channel->close();
    return ['seen' => $seen, 'left' => drain(queue(new AMQPChannel($connection), name('settled')))];
}

function prefetch(AMQPConnection $connection): array
{
    $channel = new AMQPChannel($connection);
    $channel->qos(0, 2);
    $target = declared($channel, 'prefetched');
    for ($i = 0; $i < 5; $i++) {
        publish($channel, name('prefetched'), (string) $i, [], false);
    }
    $watching = new AMQPChannel($connection);
    $counts = [];
    $seen = [];
    $tags = [];
    $target->consume(function (AMQPEnvelope $message) use (&$seen, &$tags, &$counts, $target, $watching) {
        $seen[] = $message->getBody();
        $tags[] = $message->getDeliveryTag();
        if (count($seen) === 2) {
            $counts[] = ready($watching, name('prefetched'));
            $target->ack($tags[0]);
        }
        return count($seen) < 3;
    });
    $counts[] = ready($watching, name('prefetched'));
    return ['seen' => $seen, 'ready' => $counts];
}

function deadLetter(AMQPConnection $connection): array
{
    $channel = confirming($connection);
    $graves = exchange($channel, name('graves'), 'fanout');
    $graves->declareExchange();
    $dead = declared(new AMQPChannel($connection), 'dead');
    $dead->bind(name('graves'));
    $found = [];
    $bury = function () use ($dead, &$found) {
        $message = consume($dead, 1, null, AMQP_AUTOACK)[0];
        $death = $message->getHeader('x-death')[0];
        $found[] = [
            'body' => $message->getBody(),
            'reason' => $death['reason'],
            'first' => $message->getHeader('x-first-death-reason'),
            'queue' => $death['queue'],
            'exchange' => $death['exchange'],
            'keys' => $death['routing-keys'],
            'count' => $death['count'],
            'ttl' => $death['original-expiration'] ?? null,
        ];
    };
    $to = ['x-dead-letter-exchange' => name('graves')];
    declared($channel, 'expiring', $to + ['x-message-ttl' => 1]);
    $rejecting = declared($channel, 'rejecting', $to + ['x-dead-letter-routing-key' => 'other']);
    declared($channel, 'full', $to + ['x-max-length' => 1]);
    publish($channel, name('expiring'), 'by queue');
    $bury();
    publish($channel, name('rejecting'), 'by itself', ['expiration' => '1']);
    $bury();
    publish($channel, name('rejecting'), 'by hand');
    $rejecting->reject($rejecting->get()->getDeliveryTag());
    $bury();
    publish($channel, name('full'), 'pushed out');
    publish($channel, name('full'), 'kept');
    $bury();
    $limits = ['x-queue-type' => 'quorum', 'x-delivery-limit' => 1];
    $tried = declared(new AMQPChannel($connection), 'tried', $to + $limits, AMQP_DURABLE);
    publish($channel, name('tried'), 'too often');
    $attempts = [];
    consume($tried, 2, function (AMQPEnvelope $message) use (&$attempts, $tried) {
        $attempts[] = $message->getHeader('x-delivery-count') ?: null;
        $tried->reject($message->getDeliveryTag(), AMQP_REQUEUE);
    });
    $bury();
    $tried->delete();
    $graves->delete();
    return ['found' => $found, 'attempts' => $attempts];
}

function rpc(AMQPConnection $connection): array
{
    $client = new AMQPChannel($connection);
    $worker = new AMQPChannel($connection);
    $requests = declared($worker, 'requests');
    $replies = queue($client, 'amq.rabbitmq.reply-to');
    $replies->consume(null, AMQP_AUTOACK);
    publish($client, name('requests'), 'ping', ['reply_to' => 'amq.rabbitmq.reply-to', 'correlation_id' => '42'], false);
    $request = consume($requests, 1, null, AMQP_AUTOACK)[0];
    $address = $request->getReplyTo();
    $about = ['correlation_id' => $request->getCorrelationId()];
    publish($worker, $address, 're: ' . $request->getBody(), $about, false);
    $reply = null;
    $replies->consume(function (AMQPEnvelope $message) use (&$reply) {
        $reply = [$message->getBody(), $message->getCorrelationId()];
        return false;
    }, AMQP_JUST_CONSUME);
    return ['address' => substr($address, 0, strlen('amq.rabbitmq.reply-to.')), 'reply' => $reply];
}

function priorities(AMQPConnection $connection): array
{
    $channel = confirming($connection);
    $target = declared($channel, 'ranked', ['x-max-priority' => 5]);
    foreach ([null, 1, 9, 3, 5] as $priority) {
        $attributes = $priority === null ? [] : ['priority' => $priority];
        publish($channel, name('ranked'), (string) (int) $priority, $attributes);
    }
    return drain($target);
}

function transaction(AMQPConnection $connection): array
{
    $channel = new AMQPChannel($connection);
    $watching = new AMQPChannel($connection);
    declared($channel, 'transacted');
    $channel->startTransaction();
    publish($channel, name('transacted'), '1', [], false);
    publish($channel, name('transacted'), '2', [], false);
    $before = ready($watching, name('transacted'));
    $channel->commitTransaction();
    $committed = ready($watching, name('transacted'));
    publish($channel, name('transacted'), '3', [], false);
    $channel->rollbackTransaction();
    return ['before' => $before, 'committed' => $committed, 'rolledBack' => ready($watching, name('transacted'))];
}

function large(AMQPConnection $connection): array
{
    $channel = confirming($connection);
    $target = declared($channel, 'large');
    $body = str_repeat(implode('', array_map(fn ($i) => chr($i * 7 % 256), range(0, 1023))), 1024);
    publish($channel, name('large'), $body);
    $received = $target->get(AMQP_AUTOACK)->getBody();
    return ['length' => strlen($received), 'same' => $received === $body];
}

function properties(AMQPConnection $connection): array
{
    $channel = confirming($connection);
    $target = declared($channel, 'properties');
    $sent = [
        'content_type' => 'text/plain',
        'content_encoding' => 'utf-8',
        'delivery_mode' => 2,
        'priority' => 7,
        'correlation_id' => 'c-1',
        'reply_to' => 'somewhere',
        'expiration' => '60000',
        'message_id' => 'm-1',
        'timestamp' => 1700000000,
        'type' => 'greeting',
        'user_id' => 'guest',
        'app_id' => 'contract',
    ];
    publish($channel, name('properties'), 'x', $sent);
    $got = $target->get(AMQP_AUTOACK);
    $found = [];
    foreach (array_keys($sent) as $key) {
        $found[$key] = $got->{'get' . str_replace('_', '', ucwords($key, '_'))}();
    }
    return $found;
}

function headers(AMQPConnection $connection): array
{
    $channel = confirming($connection);
    $target = declared($channel, 'headers');
    publish($channel, name('headers'), 'x', ['headers' => [
        'string' => 'grüße',
        'int' => 42,
        'negative' => -7,
        'long' => 1 << 40,
        'bool' => true,
        'double' => 2.5,
        'table' => ['inner' => 'x', 'deeper' => ['n' => 1]],
        'array' => [1, 'two', false],
        'time' => new AMQPTimestamp(1700000000),
        'void' => null,
        'decimal' => new AMQPDecimal(2, 314),
    ]]);
    $found = $target->get(AMQP_AUTOACK)->getHeaders();
    $found['time'] = (int) $found['time']->getTimestamp();
    $found['decimal'] = number_format($found['decimal']->getSignificand() / 10 ** $found['decimal']->getExponent(), 2);
    return $found;
}

/** The text that the extension makes of what the broker says when it closes the channel. */
function attempt(AMQPConnection $connection, callable $mistake): array
{
    try {
        $mistake(new AMQPChannel($connection));
    } catch (AMQPException $error) {
        preg_match('/error: \d+, message: (.*)$/', $error->getMessage(), $found);
        return [$error->getCode(), $found[1]];
    }
}

function errors(AMQPConnection $connection): array
{
    $other = connect();
    $shared = declared(new AMQPChannel($connection), 'shared', [], AMQP_DURABLE);
    declared(new AMQPChannel($connection), 'locked');
    $missing = name('missing');
    $bad = name('bad');
    $declare = fn (string $name, int $flags, array $arguments = []) => fn ($channel) =>
        queue($channel, $name, $arguments, $flags)->declareQueue();
    // A method without an answer is complained about in the next one.
    $then = fn (callable $mistake) => function (AMQPChannel $channel) use ($mistake) {
        $mistake($channel);
        ready($channel, name('shared'));
    };
    $mistakes = [
        'queue missing' => $declare($missing, AMQP_PASSIVE),
        'exchange missing' => function (AMQPChannel $channel) use ($missing) {
            $exchange = exchange($channel, $missing, 'direct');
            $exchange->setFlags(AMQP_PASSIVE);
            $exchange->declareExchange();
        },
        'other durability' => $declare(name('shared'), AMQP_NOPARAM),
        'other argument' => $declare(name('shared'), AMQP_DURABLE, ['x-max-length' => 5]),
        'other exchange type' => function (AMQPChannel $channel) {
            $exchange = exchange($channel, 'amq.direct', 'fanout');
            $exchange->setFlags(AMQP_DURABLE);
            $exchange->declareExchange();
        },
        'reserved name' => $declare('amq.mine', AMQP_NOPARAM),
        'bad argument' => $declare($bad, AMQP_NOPARAM, ['x-message-ttl' => -1]),
        'transient quorum' => $declare($bad, AMQP_NOPARAM, ['x-queue-type' => 'quorum']),
        'bind to nothing' => fn ($channel) => queue($channel, name('shared'))->bind($missing, 'k'),
        'consume from nothing' => fn ($channel) => queue($channel, $missing)->consume(fn () => false),
        'default exchange' => fn ($channel) => (new AMQPExchange($channel))->delete(),
        'unknown tag' => $then(fn ($channel) => queue($channel, name('shared'))->ack(99)),
        'publish to nothing' => $then(fn ($channel) => exchange($channel, $missing, 'direct')->publish('x', 'k')),
        'bad expiration' => $then(fn ($channel) =>
            (new AMQPExchange($channel))->publish('x', name('shared'), AMQP_NOPARAM, ['expiration' => 'soon'])),
    ];
    $found = array_map(fn ($mistake) => attempt($connection, $mistake), $mistakes);
    $found['locked'] = attempt($other, fn ($channel) => ready($channel, name('locked')));
    queue(new AMQPChannel($connection), name('shared'))->delete();
    return $found;
}

function fatalErrors(): array
{
    $refused = function (array $options): array {
        try {
            connect($options);
        } catch (AMQPConnectionException $error) {
            return [$error->getCode(), $error->getMessage()];
        }
    };
    return [
        'wrong password' => $refused(['password' => 'wrong']),
        'no such vhost' => $refused(['vhost' => 'nowhere']),
        'prefetch size' => attempt(connect(), fn ($channel) => $channel->qos(10, 0)),
    ];
}

function closedByServer(): array
{
    $connection = connect(['connection_name' => name('connection-to-close')]);
    $survivor = declared(new AMQPChannel($connection), 'survivor', [], AMQP_DURABLE);
    answer('please close', name('connection-to-close'));
    $closed = 'unnoticed';
    try {
        $survivor->consume(fn () => false);
    } catch (AMQPException $error) {
        // Its text depends on what it was waiting for.
        $closed = 'noticed';
    }
    $connection->reconnect();
    $again = confirming($connection);
    publish($again, name('survivor'), 'after');
    $queue = queue($again, name('survivor'));
    $bodies = drain($queue);
    $queue->delete();
    return ['closed' => $closed, 'bodies' => $bodies];
}

function heartbeat(): array
{
    $connection = connect(['heartbeat' => 2, 'read_timeout' => 6.5]);
    $channel = new AMQPChannel($connection);
    $idle = declared($channel, 'idle');
    try {
        // The extension beats only while it waits.
        $idle->consume(fn () => false);
    } catch (AMQPQueueException $error) {
        $idle->cancel();
    }
    new AMQPChannel($connection);
    return ['heartbeat' => $connection->getHeartbeatInterval(), 'open' => $connection->isConnected()];
}

function tls(): array
{
    $channel = confirming(connect(['cacert' => getenv('CA_FILE'), 'verify' => true]));
    $target = declared($channel, 'secret');
    publish($channel, name('secret'), 'sealed');
    return drain($target);
}

const PARTS = [
    'routing' => 'routing',
    'confirms' => 'confirms',
    'mandatory' => 'mandatory',
    'settle' => 'settle',
    'prefetch' => 'prefetch',
    'dead letter' => 'deadLetter',
    'rpc' => 'rpc',
    'priorities' => 'priorities',
    'transaction' => 'transaction',
    'large' => 'large',
    'properties' => 'properties',
    'headers' => 'headers',
    'errors' => 'errors',
    'fatal errors' => 'fatalErrors',
    'closed by server' => 'closedByServer',
];

if ($mode === 'heartbeat') {
    answer('heartbeat', heartbeat());
} elseif ($mode === 'tls') {
    answer('tls', tls());
} else {
    $shared = connect();
    foreach (PARTS as $part => $run) {
        answer($part, $run($shared));
    }
}
